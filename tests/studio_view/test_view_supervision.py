"""What holds a training up and why it ended: said under the head, marked in the curve, mended."""

import pytest
from PySide6.QtCore import Qt

from engine.contract import messages as m
from engine.contract.journal import Ended, Noticed, Skipped, Started, encode_event
from studio.view.train.marks import Marks

pytestmark = pytest.mark.gui
ADVICE = (
    "The loss was no number in 20 updates in a row. It was taken back to step 350, the last that "
    "was good; go on with a smaller learning rate: `flowmap-engine resume run-1 --set "
    "training.learning_rate=0.0005`."
)
COUNTING = "It has not stopped yet; its process is told to end in 12 s."


def become(stage, run, **changes):
    """Let the engine tell a new state of a run."""
    stage.world._set(run.name, **changes)
    stage.world.link.notice(m.RunChanged(stage.world.runs[run.name]))


def line(stage):
    """What stands under the head, "" for nothing."""
    standing = stage.studio.train.standing
    return standing.text.text() if standing.isVisible() else ""


def test_a_training_that_trains_needs_no_words(training):
    stage, _ = training
    assert line(stage) == ""


def test_a_silent_training_says_so_and_moves_again(training, qtbot):
    stage, run = training
    become(stage, run, state="silent", message="It has not moved for 61 s (training).")
    assert line(stage) == "It has not moved for 61 s (training)."
    assert stage.studio.train.head.state.text() == "standing still"
    assert stage.act("run.stop").isEnabled()
    assert not stage.act("run.kill").isEnabled()
    stage.studio.train.standing.stop.click()
    qtbot.waitUntil(lambda: stage.world.actions == [(run.name, "stop")])
    become(stage, run, state="running", message="")
    assert line(stage) == ""


def test_kill_is_offered_only_where_a_stop_was_not_met_and_says_what_is_lost(training, qtbot):
    stage, run = training
    standing = stage.studio.train.standing
    become(stage, run, state="stopping", message="")
    assert not standing.kill.isVisible()
    become(stage, run, state="stopping", step=540, message=COUNTING)
    assert line(stage) == COUNTING
    assert standing.kill.isVisible()
    assert "loses 40 steps" in standing.detail.text()
    assert stage.studio.train.head.about.text() == COUNTING
    kill = standing.kill
    become(stage, run, state="stopping", message=COUNTING.replace("12", "11"))
    assert standing.kill is kill  # a countdown changes words, not buttons
    kill.click()
    qtbot.waitUntil(lambda: stage.world.actions == [(run.name, "kill")])
    become(stage, run, state="stopped", message="The training process was killed by signal 9.")
    assert not stage.act("run.kill").isEnabled()
    assert line(stage) == "The training process was killed by signal 9."


def test_a_restart_is_told_once(training, qtbot):
    stage, run = training
    why = (
        "The training process was killed by signal 9; it was started again from step 500 (1 of 3)."
    )
    told = []
    tell = stage.window.notices.tell
    stage.window.notices.tell = lambda text, *more, **named: (
        told.append(text) or tell(text, *more, **named)
    )
    become(stage, run, state="starting", message=why)
    become(stage, run, state="starting", message=why)
    stage.world._set(run.name, state="running")
    stage.world.link.notice(stage.world.progress(run.name))
    assert told == [f"{run.name}: {why}"]
    become(stage, run, state="starting", message=why.replace("1 of 3", "2 of 3"))
    assert len(told) == 2


def test_a_run_out_of_sight_is_told_of_and_taken_back_when_it_is_seen(training, qtbot):
    stage, run = training
    stage.window.show_page("Explore")
    become(stage, run, state="silent", message="It has not moved for 61 s.")
    assert stage.notices()[f"silent {run.name}"] == f"{run.name}: It has not moved for 61 s."
    stage.window.notices._shown[f"silent {run.name}"].buttons[0].click()
    assert stage.window.page_title() == "Train"
    assert f"silent {run.name}" not in stage.notices()
    assert line(stage) == "It has not moved for 61 s."


def test_half_the_learning_rate_is_one_press(training, qtbot):
    stage, run = training
    become(stage, run, state="failed", message="The disk is full.")
    assert not stage.act("run.smaller").isEnabled()
    become(stage, run, state="failed", message=ADVICE)
    assert line(stage).endswith("go on with a smaller learning rate.")
    assert stage.studio.train.standing.smaller.isVisible()
    stage.studio.train.standing.smaller.click()
    qtbot.waitUntil(lambda: stage.world.link.of(m.ResumeRun) != [])
    asked = stage.world.link.of(m.ResumeRun)[0]
    assert (asked.run, asked.changes) == (run.name, (("training.learning_rate", "0.0005"),))
    qtbot.waitUntil(lambda: stage.models.runs.current.info.state == "running")
    assert line(stage) == ""


def test_no_word_of_the_engine_is_rich_text(training):
    stage, run = training
    become(stage, run, state="failed", message="<b>bold</b> <img src='http://a/b.png'>")
    standing = stage.studio.train.standing
    for words in (standing.text, standing.detail):
        assert words.textFormat() == Qt.TextFormat.PlainText


def befall(stage, run, *events):
    for event in events:
        stage.world.journals[run.name] += encode_event(event)
    stage.world.link.notice(stage.world.progress(run.name))


def test_what_befell_it_is_marked_and_listed_also_what_was_taken_back(training, qtbot):
    stage, run = training
    curves = stage.studio.train.curves
    qtbot.waitUntil(lambda: curves.pages.currentWidget() is curves.plot)
    assert not curves.happened.chip.isVisible()
    befall(
        stage,
        run,
        Noticed(410, "This training may be breaking down."),
        Skipped(500, "the loss was not finite", "000500.safetensors"),
        Ended(500, 0.0, "failed", ADVICE),
        Started(350, 0.0, "cpu", 1, "0.1.0"),
    )
    qtbot.waitUntil(lambda: curves.happened.chip.isVisible())
    assert [h.kind for h in run.happened] == ["noticed", "skipped", "failed", "back"]
    assert run.steps[-1] == 350
    assert curves.happened.chip.text().strip() == "4"
    assert curves.happened.chip.accessibleName() == "4 events"
    curves.happened.chip.click()
    assert curves.happened.isVisible()
    texts = [curves.happened.item(row).text() for row in range(curves.happened.count())]
    assert texts[0] == "Went back from step 500 to step 350, which was saved."
    assert texts[2].endswith("What it was given is kept as bad/000500.safetensors.")
    marks: Marks = curves.plot.marks
    assert (list(marks.told.xvals), list(marks.bad.xvals)) == ([410, 500], [500, 350])
    curves.happened.setCurrentRow(3)
    assert curves.readout.text().partition(" at ")[2].startswith("step 350")


def test_another_run_has_events_of_its_own(training, qtbot):
    stage, run = training
    curves = stage.studio.train.curves
    befall(stage, run, Noticed(500, "One."))
    qtbot.waitUntil(lambda: curves.happened.chip.isVisible())
    info = stage.world.add_run("second")
    stage.world.link.notice(m.RunChanged(info))
    stage.models.runs._look_at(info)
    qtbot.waitUntil(lambda: not curves.happened.chip.isVisible())
    assert curves.happened.count() == 0


def test_a_trial_measures_what_is_in_the_form_and_says_when_that_has_changed(stage, qtbot):
    stage.world.link.on(m.TryStep, lambda r: m.Tried(r.id, "cpu", 376 << 20, 33.2, 91.0, 2_000_000))
    form = stage.studio.train.form
    stage.world.link.hold()
    form.attempt.click()
    qtbot.waitUntil(lambda: form.attempt.text().strip() == "Cancel the test")
    qtbot.waitUntil(lambda: stage.world.link.of(m.TryStep) != [])
    asked = stage.world.link.of(m.TryStep)[0]
    assert asked.spec == stage.models.form.spec
    stage.world.link.notice(m.CheckProgress(asked.id, 3, 12))
    assert form.trial.text.text() == "Testing: step 3 of 12"
    assert form.start.isEnabled()
    stage.world.link.release()
    wanted = "All of it 2 min · 33.2 it/s\nMemory 394 MB · checkpoint 2 MB"
    qtbot.waitUntil(lambda: form.trial.text.text().startswith("All of it"))
    assert form.trial.text.text() == wanted.replace("2 min", "1 min 31 s")
    assert form.attempt.text().strip() == "Test one step"
    stage.models.form.set("training.steps", "77")
    assert form.trial.text.text().startswith("Before the changes: All of it")


def test_a_trial_that_is_refused_says_why_and_one_given_up_says_nothing(stage, qtbot):
    why = "Memory runs out with a batch of 512; lower training.batch."
    stage.world.link.on(m.TryStep, lambda r: m.Refused(r.id, why))
    form = stage.studio.train.form
    form.attempt.click()
    qtbot.waitUntil(lambda: form.trial.text.text() == why)
    stage.world.link.hold()
    form.attempt.click()
    qtbot.waitUntil(lambda: stage.models.trial.running)
    form.attempt.click()
    qtbot.waitUntil(lambda: stage.models.trial.cancelled)
    assert not form.attempt.isEnabled()
    stage.world.link.release()
    qtbot.waitUntil(lambda: not stage.models.trial.running)
    assert not form.trial.isVisible()
    assert form.attempt.isEnabled()


def test_a_run_is_verified_beside_everything_else(training, qtbot):
    stage, _run = training
    same = "run-1 was trained anew from step 350 to 500: all is the same, bit for bit."
    stage.world.link.on(m.VerifyRun, lambda r: m.Verified(r.id, True, same))
    checking = stage.studio.train.verifying
    assert not checking.isVisible()
    stage.world.link.hold()
    stage.act("run.verify").trigger()
    qtbot.waitUntil(lambda: stage.world.link.of(m.VerifyRun) != [])
    assert not stage.act("run.verify").isEnabled()
    assert stage.act("run.stop").isEnabled()
    stage.world.link.notice(m.CheckProgress(stage.world.link.of(m.VerifyRun)[0].id, 50, 150))
    assert checking.detail.text() == "step 50 of 150"
    assert (checking.progress.value(), checking.progress.maximum()) == (50, 150)
    stage.world.link.release()
    qtbot.waitUntil(lambda: checking.text.text() == same)
    assert not checking.progress.isVisible()
    checking.dismiss.click()
    assert not checking.isVisible()


def test_a_difference_is_an_error_and_a_verification_can_be_given_up(training, qtbot):
    stage, _run = training
    stage.world.link.on(m.VerifyRun, lambda r: m.Verified(r.id, False, "Row 400 differs."))
    checking = stage.studio.train.verifying
    stage.act("run.verify").trigger()
    qtbot.waitUntil(lambda: checking.text.text() == "Row 400 differs.")
    assert checking._level == "error"
    stage.world.link.hold()
    stage.act("run.verify").trigger()
    qtbot.waitUntil(lambda: checking.cancel.isVisible())
    checking.cancel.click()
    qtbot.waitUntil(lambda: stage.world.link.of(m.CancelCheck) != [])
    assert not checking.cancel.isEnabled()
    stage.world.link.on(m.VerifyRun, lambda r: m.Refused(r.id, "The check was cancelled."))
    stage.world.link.release()
    qtbot.waitUntil(lambda: not checking.isVisible())


def test_a_run_without_a_checkpoint_cannot_be_verified(stage, qtbot):
    stage.act("run.start").trigger()
    qtbot.waitUntil(lambda: stage.models.runs.current is not None)
    assert not stage.act("run.verify").isEnabled()
    head = stage.studio.train.head
    assert stage.act("run.verify") in head.more.menu().actions()
    assert head.more.accessibleName() == "More"
