"""The link against a real child process."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from loops import run, settle, until

from engine.contract import messages as m
from engine.contract.version import PROTOCOL, VERSION
from engine.hub import ending, silence
from studio.link import hub_link
from studio.link.child import Child
from studio.link.hub_link import HubLink
from studio.link.link import LinkClosed, Refusal

CHILD = Path(__file__).with_name("talking_child.py")


class Heard:
    """Everything that a link said."""

    def __init__(self, link: HubLink) -> None:
        self.hellos: list[m.Hello] = []
        self.notices: list[tuple[m.Message, bytes]] = []
        self.ends: list[str] = []
        link.opened.connect(self.hellos.append)
        link.noticed.connect(lambda message, payload: self.notices.append((message, payload)))
        link.closed.connect(self.ends.append)


Talk = Callable[[HubLink, Heard], Coroutine[Any, Any, None]]


@asynccontextmanager
async def linked(folder: Path, how: str = "well") -> AsyncIterator[tuple[HubLink, Heard]]:
    command = [sys.executable, str(CHILD), how, str(folder / "note")]
    link = HubLink(command=command, log=folder / "logs" / "engine.log")
    heard = Heard(link)
    await link.start()
    yield link, heard
    await link.stop()
    assert len(heard.ends) == 1
    assert link.pid == 0 or not _lives(link.pid)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_answers_reach_their_questions_in_any_order(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with linked(tmp_path) as (link, heard):
            assert [h.program for h in heard.hellos] == ["child"]
            chunks = [
                link.request(lambda id, n=n: m.ReadJournal(id, "run", n)) for n in (3, 0, 4000, 1)
            ]
            answers = await asyncio.gather(*chunks, link.request(m.GetRuns))
            for n, (answer, payload) in zip((3, 0, 4000, 1), answers, strict=False):
                assert isinstance(answer, m.Chunk)
                assert payload == bytes(range(256)) * n
            assert isinstance(answers[-1][0], m.Runs)
            assert len({answer.id for answer, _ in answers}) == 5
            assert not link._waiting
        assert heard.ends == [""]

    run(scenario())


def test_refusals_and_notices(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with linked(tmp_path) as (link, heard):
            with pytest.raises(Refusal, match=r"^There is no catalogue today\.$"):
                await link.request(m.GetCatalogue)
            answer, _ = await link.request(lambda id: m.ReadSpec(id, "run"))
            assert isinstance(answer, m.Done)
            assert heard.notices == [(m.EngineNote("info", "working"), b"payload")]

    run(scenario())


def test_a_message_of_the_future_fails_its_request_only(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with linked(tmp_path) as (link, heard):
            with pytest.raises(Refusal, match="cannot read"):
                await link.request(lambda id: m.ReadSample(id, "run", "file"))
            await until(lambda: heard.notices)
            assert isinstance(heard.notices[0][0], m.EngineNote)
            answer, _ = await link.request(m.GetRuns)
            assert isinstance(answer, m.Runs)

    run(scenario())


def test_a_killed_engine_fails_what_waits_and_can_be_started_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with linked(tmp_path) as (link, heard):
            waiting = [asyncio.ensure_future(link.request(_jump)) for _ in range(3)]
            await asyncio.sleep(0)
            first = link.pid
            os.kill(first, signal.SIGKILL)
            for lost in waiting:
                with pytest.raises(LinkClosed, match="signal 9"):
                    await lost
            assert heard.ends == [
                f"The engine stopped unexpectedly (signal 9); its log is {link.log}."
            ]
            with pytest.raises(LinkClosed):
                await link.request(m.GetRuns)
            heard.ends.clear()
            await link.start()
            assert link.pid not in (0, first)
            assert len(heard.hellos) == 2
            await link.request(m.GetRuns)
            assert not _lives(first)

    run(scenario())


def test_the_last_words_are_shown_and_old_ones_are_not(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with linked(tmp_path) as (link, heard):
            with pytest.raises(LinkClosed, match=r"exit code 3: out of luck"):
                await link.request(lambda id: m.ImportData(id, "path", "name"))
            await link.start()
            os.kill(link.pid, signal.SIGKILL)
            await until(lambda: len(heard.ends) == 2)
            assert "out of luck" not in heard.ends.pop()

    run(scenario())


def test_stray_text_on_the_stream_ends_it_with_a_sentence(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with linked(tmp_path) as (link, heard):
            with pytest.raises(LinkClosed, match="cannot be read"):
                await link.request(lambda id: m.ResumeRun(id, "run"))
            assert len(heard.ends) == 1

    run(scenario())


def test_a_new_engine_waits_until_the_one_before_has_saved(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with linked(tmp_path, "saver") as (link, heard):
            with pytest.raises(LinkClosed):
                await link.request(lambda id: m.ResumeRun(id, "run"))
            assert len(heard.ends) == 1
            assert not (tmp_path / "note").exists()
            saving, starting = link.pid, asyncio.ensure_future(link.start())
            await settle()
            assert link.pid == saving
            await starting
            assert link.pid != saving
            assert (tmp_path / "note").read_text() == "saved"
            heard.ends.clear()

    run(scenario())


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("newer", [f"protocol {PROTOCOL + 1} (version 9.9.9)", f"(version {VERSION})"]),
        ("garbage", ["did not answer", "it said: Traceback", "this is no frame"]),
        ("rude", ["did not answer", "no greeting"]),
        ("loud", ["cannot be read (no greeting in "]),
    ],
)
def test_a_false_start_is_told_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, words: list[str]
) -> None:
    monkeypatch.setattr(hub_link, "GREETING", 2.0)

    async def scenario() -> None:
        async with linked(tmp_path, how) as (link, heard):
            await until(lambda: heard.ends)
            assert not heard.hellos
            assert all(word in heard.ends[0] for word in words)
            assert heard.ends[0].endswith(".")
            with pytest.raises(LinkClosed):
                await link.request(m.GetRuns)

    run(scenario())


def test_what_a_shell_says_before_the_engine_is_left_out(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with linked(tmp_path, "noisy") as (link, heard):
            assert [h.program for h in heard.hellos] == ["child"]
            answer, _ = await link.request(m.GetRuns)
            assert isinstance(answer, m.Runs)
            assert not heard.notices
        assert heard.ends == [""]

    run(scenario())


@pytest.fixture
def soon_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_link, "RETURNS", (0.05, 0.05))


@pytest.mark.usefixtures("soon_back")
def test_the_way_to_an_engine_in_the_background_is_lost_and_found_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with linked(tmp_path, "far") as (link, heard):
            waiting = asyncio.ensure_future(link.request(_jump))
            await asyncio.sleep(0)
            first = link.pid
            os.kill(first, signal.SIGKILL)
            with pytest.raises(LinkClosed, match=r"The connection to the engine was lost"):
                await waiting
            assert heard.ends.pop().endswith(
                "it trains on, and this window comes back to it by itself."
            )
            assert link.returning
            await until(lambda: len(heard.hellos) == 2)
            await until(lambda: not link.returning)
            assert link.pid != first
            assert isinstance((await link.request(m.GetRuns))[0], m.Runs)
            assert not heard.ends

    run(scenario())


@pytest.mark.usefixtures("soon_back")
def test_an_engine_that_is_not_found_again_is_told_once_more(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with linked(tmp_path, "far") as (link, heard):
            link._command = [str(tmp_path / "no-such-program")]
            os.kill(link.pid, signal.SIGKILL)
            await until(lambda: heard.ends)
            assert link.returning
            await until(lambda: not link.returning)
            assert heard.ends[-1] == hub_link.UNREACHED
            heard.ends[:] = heard.ends[-1:]

    run(scenario())


@pytest.mark.usefixtures("soon_back")
def test_whoever_starts_it_by_hand_meanwhile_gets_one_engine(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with linked(tmp_path, "far") as (link, heard):
            os.kill(link.pid, signal.SIGKILL)
            await until(lambda: heard.ends)
            heard.ends.clear()
            await asyncio.gather(link.start(), link.start())
            await asyncio.sleep(0.3)
            assert len(heard.hellos) == 2
            await link.request(m.GetRuns)

    run(scenario())


@pytest.mark.usefixtures("soon_back")
def test_an_engine_in_the_background_that_ended_by_itself_is_not_sought(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with linked(tmp_path, "far") as (link, heard):
            with pytest.raises(LinkClosed, match=r"stopped unexpectedly \(exit code 1"):
                await link.request(lambda id: m.VerifyRun(id, "run"))
            await asyncio.sleep(0.3)
            assert len(heard.hellos) == 1

    run(scenario())


@pytest.mark.usefixtures("soon_back")
@pytest.mark.parametrize("burial", [0.0, 0.2])
def test_a_window_that_leaves_does_not_come_back(
    tmp_path: Path, burial: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    reap = hub_link._reap

    async def slowly(child: Child, patience: float) -> None:
        await asyncio.sleep(burial)
        await reap(child, patience)

    monkeypatch.setattr(hub_link, "_reap", slowly)

    async def scenario() -> None:
        async with linked(tmp_path, "far") as (link, heard):
            os.kill(link.pid, signal.SIGKILL)
            await until(lambda: heard.ends)
            await link.stop()
            await asyncio.sleep(0.3)
            assert len(heard.hellos) == 1

    run(scenario())


def test_an_engine_that_never_greets_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_link, "GREETING", 0.2)

    async def scenario() -> None:
        async with linked(tmp_path, "mute") as (_, heard):
            await until(lambda: heard.ends)
            assert "did not answer" in heard.ends[0]

    run(scenario())


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    async def scenario() -> None:
        link = HubLink(command=[str(tmp_path / "nothing")], log=tmp_path / "log")
        heard = Heard(link)
        await link.start()
        assert heard.ends == [
            f"The engine could not be started: No such file or directory ({tmp_path}/nothing)."
        ]
        await link.stop()

    run(scenario())


def test_stopping_lets_the_engine_save(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with linked(tmp_path, "saver") as (link, heard):
            waiting = asyncio.ensure_future(link.request(_jump))
            await asyncio.sleep(0)
            await link.stop()
            with pytest.raises(LinkClosed):
                await waiting
            assert (tmp_path / "note").read_text() == "saved"
            assert heard.ends == [""]

    run(scenario())


def test_an_engine_that_saves_and_says_so_is_waited_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with linked(tmp_path, "slow saver") as (link, heard):
            await link.stop(patience=0.5)  # it takes a second
            assert (tmp_path / "note").read_text() == "saved"
            assert heard.ends == [""]

    run(scenario())


def test_the_patience_with_an_engine_is_longer_than_its_own_with_a_worker() -> None:
    ladder = ending.OTHER + ending.TOLD
    assert max(ladder, silence.SPOKEN) < hub_link.SAVING


def test_stopping_ends_even_a_stubborn_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_link, "LEAVING", 0.1)

    async def scenario() -> None:
        async with linked(tmp_path, "stubborn") as (link, heard):
            pid = link.pid
            await link.stop(patience=0.1)
            assert heard.ends == [""]
            assert not _lives(pid)

    run(scenario())


def test_parting_waits_for_no_saving_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_link, "PARTING", 0.3)

    async def scenario() -> None:
        async with linked(tmp_path, "stubborn") as (link, heard):
            pid = link.pid
            await link.part()
            assert _lives(pid)  # by no signal either: it may be all that trains
            with pytest.raises(LinkClosed):
                await link.request(_jump)
            os.kill(pid, signal.SIGKILL)
            await link.part()
            assert heard.ends == [""]

    run(scenario())


def test_stopping_while_it_starts(tmp_path: Path) -> None:
    async def scenario() -> None:
        command = [sys.executable, str(CHILD), "well", "-"]
        for turns in (1, 3):
            link = HubLink(command=command, log=tmp_path / "log")
            heard = Heard(link)
            starting = asyncio.ensure_future(link.start())
            for _ in range(turns):
                await asyncio.sleep(0)
            await link.stop()
            await starting
            await link.stop()
            assert len(heard.ends) == (link.pid > 0)

    run(scenario())


def test_the_workspace_is_handed_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        # The child takes its second argument for the note's path: here the workspace's option.
        link = HubLink(tmp_path, [sys.executable, "-c", ECHO], log=tmp_path / "log")
        heard = Heard(link)
        await link.start()
        assert f"--workspace {tmp_path}" in heard.ends[0]

    run(scenario())


ECHO = "import sys; sys.stderr.write(' '.join(sys.argv[1:]))"


def _jump(id: int) -> m.Request:
    return m.Jump(id, "model", m.Source(), 1.0, 0.0)
