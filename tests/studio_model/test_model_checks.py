"""A run proved anew, a spec tried in small: how far, what came of it, given up."""

from fake_link import FakeLink
from fake_world import PRESETS
from loops import run, settle, until

from engine.contract import messages as m
from studio.model.check_model import TrialModel, VerifyModel

TRIED = m.Tried(0, "cpu", 400 << 20, 25.0, 160.0, 2 << 20)


def test_a_trial_tells_how_far_it_is_and_what_it_measured() -> None:
    async def scenario() -> None:
        link = FakeLink()
        link.on(m.TryStep, lambda r: m.Tried(r.id, "cpu", 400 << 20, 25.0, 160.0, 2 << 20))
        link.open()
        trial = TrialModel(link)
        link.hold()
        trial.attempt(PRESETS[0].spec)
        trial.attempt(PRESETS[1].spec)  # one at a time
        await until(lambda: link.of(m.TryStep))
        asked = link.of(m.TryStep)[0]
        link.notice(m.CheckProgress(asked.id + 1, 9, 9))  # of another
        link.notice(m.CheckProgress(asked.id, 3, 12))
        assert (trial.running, trial.done, trial.total) == (True, 3, 12)
        link.release()
        await until(lambda: not trial.running)
        assert trial.spec == asked.spec == PRESETS[0].spec
        assert trial.answer is not None
        assert trial.answer.rate == TRIED.rate
        assert len(link.of(m.TryStep)) == 1

    run(scenario())


def test_a_check_that_is_given_up_leaves_nothing() -> None:
    async def scenario() -> None:
        link = FakeLink()
        link.on(m.VerifyRun, lambda r: m.Refused(r.id, "The check was cancelled."))
        link.open()
        verify = VerifyModel(link)
        link.hold()
        verify.verify("run-1")
        verify.cancel()  # before it was sent
        await until(lambda: link.of(m.CancelCheck))
        assert verify.cancelled
        assert link.of(m.CancelCheck)[0].check == link.of(m.VerifyRun)[0].id
        verify.cancel()
        link.release()
        await until(lambda: not verify.running)
        await settle()
        assert (verify.answer, verify.problem) == (None, "")
        assert len(link.of(m.CancelCheck)) == 1

    run(scenario())


def test_what_the_engine_refuses_is_said_and_can_be_dismissed() -> None:
    async def scenario() -> None:
        link = FakeLink()
        link.on(m.VerifyRun, lambda r: m.Refused(r.id, "It has no checkpoint yet."))
        link.open()
        verify = VerifyModel(link)
        verify.verify("run-1")
        await until(lambda: not verify.running)
        assert verify.problem == "It has no checkpoint yet."
        verify.forget()
        assert verify.problem == ""
        link.die()
        verify.verify("run-1")
        await until(lambda: not verify.running)
        assert verify.problem == "The engine is not running."

    run(scenario())
