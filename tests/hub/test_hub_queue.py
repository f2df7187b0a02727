"""What waits is started in its order, whatever becomes of the run before it; nothing is lost."""

import asyncio
import os
import subprocess
import sys
from functools import partial

import msgspec
import pytest
from hub_support import hub_here, points_spec, soon, workers
from msgspec.structs import replace

from engine.contract.messages import (
    ControlRun,
    EngineNote,
    GetQueue,
    GetRuns,
    MoveRun,
    Queue,
    ReadSpec,
    ReadStart,
    ResumeRun,
    RunChanged,
    SetQueue,
    StartRun,
    TakeOut,
)
from engine.contract.specs import Data
from engine.hub.asking import known_runs
from engine.hub.queue import Entry, Plan, QueueFile, waiting, waiting_spec
from engine.runs.folder import RunFolder

pytestmark = pytest.mark.usefixtures("fake_train")
FAKE = "fake_train_worker"


def queued(name="", spec=None):
    return lambda id: StartRun(id, spec or points_spec(), name, queue=True)


async def begin(studio, name):
    await studio.get(lambda id: StartRun(id, points_spec(), name))
    await studio.state(name, "running")


async def end(studio, name, action="save"):
    """The fake worker finishes when it is told to save."""
    await studio.get(partial(ControlRun, run=name, action=action))


async def order(studio):
    return (await studio.get(GetQueue)).runs


def test_runs_wait_and_are_trained_in_their_order(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            await begin(studio, "first")
            for place, name in enumerate(("b", "c", "d")):
                answer = await studio.get(queued(name))
                assert (answer.run.state, answer.run.place) == ("queued", place)
            assert await order(studio) == ("b", "c", "d")
            assert (await studio.get(lambda id: MoveRun(id, "d", 0))).runs == ("d", "b", "c")
            known = {r.name: (r.state, r.place) for r in (await studio.get(GetRuns)).runs}
            assert known["d"] == ("queued", 0)
            assert known["c"] == ("queued", 2)
            assert known["first"] == ("running", -1)
            assert (await studio.get(lambda id: TakeOut(id, "b"))).runs == ("d", "c")
            assert len(workers(FAKE)) == 1
            await end(studio, "first")
            await studio.state("d", "running")
            assert await order(studio) == ("c",)
            await end(studio, "d", "stop")  # a run that is stopped makes room too
            await studio.state("c", "running")
            assert {r.name for r in (await studio.get(GetRuns)).runs} == {"first", "c", "d"}
            assert any(isinstance(m, Queue) and m.id is None for m in studio.notices)

    asyncio.run(check())


@pytest.mark.parametrize("how", ["refuses", "dies", "faulty"])
def test_the_queue_goes_on_after_a_failure(workspace, how):
    async def check():
        async with hub_here(workspace) as studio:
            await begin(studio, "first")
            await studio.get(queued(how))
            await studio.get(queued("last"))
            await end(studio, "first")
            await studio.state("last", "running")
            known = {r.name: r for r in (await studio.get(GetRuns)).runs}
            if how == "refuses":  # it has no folder, so its spec stays in the queue, and says why
                assert (known[how].state, known[how].message) == (
                    "queued",
                    "There is no room for it.",
                )
            else:
                assert known[how].state == "failed"

    asyncio.run(check())


def test_what_waits_is_a_copy_made_when_it_was_queued(workspace):
    spec = points_spec(steps=77)

    async def check():
        async with hub_here(workspace) as studio:
            await studio.get(lambda id: SetQueue(id, held=True))
            await studio.get(queued("a", spec))
            await studio.get(queued("a2", replace(spec, seed=5)))
            await studio.get(lambda id: SetQueue(id, held=False, at_once=2))
            await studio.state("a", "running")
            await studio.state("a2", "running")

    asyncio.run(check())
    assert RunFolder(workspace / "runs" / "a").spec() == spec
    assert RunFolder(workspace / "runs" / "a2").spec() == replace(spec, seed=5)


def test_a_held_queue_starts_nothing_and_a_number_at_once_is_kept(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            await studio.get(lambda id: SetQueue(id, held=True))
            for name in "abc":
                await studio.get(queued(name))
            await asyncio.sleep(0.4)
            assert not workers(FAKE)
            await studio.get(lambda id: SetQueue(id, held=False, at_once=2))
            await studio.state("a", "running")
            await studio.state("b", "running")
            await asyncio.sleep(0.4)
            assert len(workers(FAKE)) == 2
            assert await order(studio) == ("c",)
            for number in (0, 17):
                text = await studio.refusal(lambda id, n=number: SetQueue(id, at_once=n))
                assert "Between 1 and 16" in text

    asyncio.run(check())


def test_a_run_that_stopped_waits_to_go_on(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            await begin(studio, "old")
            await end(studio, "old", "stop")
            await studio.state("old", "stopped")
            await begin(studio, "first")
            answer = await studio.get(lambda id: ResumeRun(id, "old", queue=True))
            assert (answer.run.state, answer.run.place) == ("queued", 0)
            assert "already" in await studio.refusal(lambda id: ResumeRun(id, "old", queue=True))
            await studio.get(lambda id: TakeOut(id, "old"))
            assert (await studio.state("old", "stopped")).place == -1  # it is a run as before
            await studio.get(lambda id: ResumeRun(id, "old", queue=True))
            await end(studio, "first")
            assert (await studio.state("old", "running")).step == 7

    asyncio.run(check())


CHANGES = (("training.learning_rate", "0.01"),)


def test_a_run_that_waits_to_go_on_does_so_with_its_changes(workspace):
    def later(changes):
        return lambda id: ResumeRun(id, "old", True, changes)

    async def check():
        async with hub_here(workspace) as studio:
            await begin(studio, "old")
            await end(studio, "old", "stop")
            await studio.state("old", "stopped")
            await begin(studio, "first")
            assert "cannot change data.name" in await studio.refusal(later((("data.name", "x"),)))
            assert "Learning rate" in await studio.refusal(
                later((("training.learning_rate", "?"),))
            )
            await studio.get(later(CHANGES))
            assert QueueFile(workspace).read().find("old").changes == CHANGES
            await end(studio, "first")
            await studio.notice(
                lambda m: isinstance(m, EngineNote) and m.text == f"changed {CHANGES}"
            )

    asyncio.run(check())


def test_a_run_that_begins_moves_before_it_leaves_the_queue(workspace):
    """A row that waits no more and that nothing moved would be gone in the window."""

    async def check():
        async with hub_here(workspace) as studio:
            await begin(studio, "first")
            await studio.get(queued("a"))
            await end(studio, "first")
            empty = await studio.notice(lambda m: isinstance(m, Queue) and m.runs == ())
            before = studio.notices[: studio.notices.index(empty)]
            moves = [m.run for m in before if isinstance(m, RunChanged) and m.run.name == "a"]
            assert moves[-1].state == "starting"
            await studio.state("a", "running")

    asyncio.run(check())


def test_the_settings_of_a_run_that_waits_can_be_read(workspace):
    spec = points_spec(steps=77)

    async def check():
        async with hub_here(workspace) as studio:
            await studio.get(lambda id: SetQueue(id, held=True))
            await studio.get(queued("a", spec))
            assert (await studio.get(lambda id: ReadSpec(id, "a"))).spec == spec
            await studio.get(queued("b", replace(spec, start="a")))
            assert "'a'" in await studio.refusal(lambda id: ReadStart(id, "a", "b"))
            await studio.get(lambda id: TakeOut(id, "a"))
            assert "no run 'a'" in await studio.refusal(lambda id: ReadSpec(id, "a"))

    asyncio.run(check())


def test_runs_that_are_queued_at_the_same_moment_have_names_of_their_own(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            await studio.get(lambda id: SetQueue(id, held=True))
            asked = [studio.get(queued()) for _ in range(8)]
            asked += [studio.get(lambda id: StartRun(id, points_spec())) for _ in range(2)]
            names = {answer.run.name for answer in await asyncio.gather(*asked)}
            assert len(names) == 10

    asyncio.run(check())


def test_a_run_that_is_resumed_at_once_waits_no_more(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            await begin(studio, "old")
            await end(studio, "old", "stop")
            await studio.state("old", "stopped")
            await studio.get(lambda id: SetQueue(id, held=True))
            await studio.get(lambda id: ResumeRun(id, "old", queue=True))
            await studio.get(lambda id: ResumeRun(id, "old"))
            await studio.state("old", "running")
            assert await order(studio) == ()

    asyncio.run(check())


def test_a_name_that_waits_is_taken(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            await studio.get(lambda id: SetQueue(id, held=True))
            first = (await studio.get(queued())).run.name
            second = (await studio.get(queued())).run.name
            assert (first[-3:], second[-3:]) == ("001", "002")
            assert "queue" in await studio.refusal(lambda id: StartRun(id, points_spec(), first))
            assert "queue" in await studio.refusal(queued(first))
            third = await studio.get(lambda id: StartRun(id, points_spec()))
            assert third.run.name.endswith("003")

    asyncio.run(check())


def test_what_cannot_be_trained_does_not_wait(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            text = await studio.refusal(queued("a", points_spec(batch=10**9)))
            assert "Batch" in text
            gone = replace(points_spec(), data=Data("nowhere"))
            assert "nowhere" in await studio.refusal(queued("a", gone))
            assert "does not wait" in await studio.refusal(lambda id: TakeOut(id, "a"))
            assert "does not wait" in await studio.refusal(lambda id: MoveRun(id, "a", 0))

    asyncio.run(check())
    assert not (workspace / "queue.json").exists()


def test_a_run_may_wait_for_the_run_that_it_starts_from(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            await studio.get(lambda id: SetQueue(id, held=True))
            await studio.get(queued("parent"))
            answer = await studio.get(queued("child", replace(points_spec(), start="parent")))
            assert answer.run.start == "parent"

    asyncio.run(check())


def test_the_queue_outlives_the_hub_and_is_held_then(workspace):
    async def evening():
        async with hub_here(workspace) as studio:
            await begin(studio, "first")
            await studio.get(queued("a"))
            await studio.get(queued("b"))

    async def morning():
        async with hub_here(workspace) as studio:
            note = await studio.notice(lambda m: isinstance(m, EngineNote))
            assert note.text == "2 runs wait in the queue since last time; release it to go on."
            found = await studio.get(GetQueue)
            assert (found.runs, found.held) == (("a", "b"), True)
            await asyncio.sleep(0.3)
            assert not workers(FAKE)
            await studio.get(lambda id: SetQueue(id, held=False))
            await studio.state("a", "running")

    asyncio.run(evening())
    asyncio.run(morning())


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"entries":[{}]}', b"[" * 9999])
def test_a_damaged_queue_is_kept_aside_and_told(workspace, content):
    workspace.mkdir()
    (workspace / "queue.json").write_bytes(content)

    async def check():
        async with hub_here(workspace) as studio:
            assert await order(studio) == ()
            note = await studio.notice(lambda m: isinstance(m, EngineNote) and "damaged" in m.text)
            assert "queue.bad-1.json" in note.text
            await studio.get(queued("a"))
            await studio.state("a", "running")

    asyncio.run(check())
    assert (workspace / "queue.bad-1.json").read_bytes() == content


def test_a_queue_of_a_newer_version_is_left_alone(workspace):
    workspace.mkdir()
    content = b'{"format": 2, "entries": "of another kind"}'
    (workspace / "queue.json").write_bytes(content)

    async def check():
        async with hub_here(workspace) as studio:
            assert "newer version" in await studio.refusal(queued("a"))

    asyncio.run(check())
    assert (workspace / "queue.json").read_bytes() == content


def test_a_hub_that_was_killed_while_it_started_a_run_neither_loses_nor_repeats_it(workspace):
    file = QueueFile(workspace)
    for name in ("there", "not-there"):
        file.edit(lambda plan, n=name: plan.added(Entry(n, points_spec())))
    RunFolder(workspace / "runs" / "there").create(points_spec())  # and the entry was left

    async def check():
        async with hub_here(workspace) as studio:
            await studio.get(lambda id: SetQueue(id, held=False))
            await studio.state("not-there", "running")
            await soon(lambda: not file.read().entries)

    asyncio.run(check())
    assert not (workspace / "runs" / "there" / "lives").exists()


def test_another_run_that_took_the_name_costs_no_entry(workspace):
    file = QueueFile(workspace)
    file.edit(lambda plan: plan.added(Entry("a", points_spec(steps=77))))
    RunFolder(workspace / "runs" / "a").create(points_spec())

    async def check():
        async with hub_here(workspace) as studio:
            await studio.get(lambda id: SetQueue(id, held=False))
            why = await studio.notice(
                lambda m: isinstance(m, RunChanged) and m.run.state == "queued" and m.run.message
            )
            assert "already a run 'a'" in why.run.message

    asyncio.run(check())
    assert file.read().find("a").spec == points_spec(steps=77)


def test_a_terminal_that_holds_the_queue_is_heeded_at_once(workspace, monkeypatch):
    """Not when the hub looks by itself the next time, which may be after it has begun a run."""
    monkeypatch.setattr("engine.hub.waiting.PERIOD", 3600.0)

    async def check():
        async with hub_here(workspace) as studio:
            await begin(studio, "first")
            await studio.get(queued("a"))
            await studio.get(queued("b"))
            file = QueueFile(workspace)
            file.edit(lambda plan: plan.without("a").set(True, None))
            await end(studio, "first")
            await studio.notice(lambda m: isinstance(m, Queue) and m.held and m.runs == ("b",))
            assert not workers(FAKE)

    asyncio.run(check())


def test_the_hub_that_leaves_while_it_starts_a_run_leaves_nothing(workspace):
    """Whatever its moment: the run is in the queue or in its folder, and stopped."""

    async def check(moment):
        async with hub_here(workspace / str(moment)) as studio:
            await studio.get(queued("a"))
            await asyncio.sleep(moment)

    for moment in (0.0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1):
        asyncio.run(check(moment))
        assert not workers(FAKE)
        here = workspace / str(moment)
        waits = [entry.run for entry in QueueFile(here).read().entries]
        assert waits == ["a"] or (here / "runs" / "a" / "spec.toml").exists()


def test_what_a_terminal_adds_is_seen(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            await studio.get(GetRuns)
            QueueFile(workspace).edit(lambda plan: plan.added(Entry("new", points_spec())))
            await studio.notice(
                lambda m: isinstance(m, RunChanged) and m.run.state == "queued" and m.run.place == 0
            )
            await studio.state("new", "running")

    asyncio.run(check())


def test_a_run_that_could_not_begin_is_tried_again_where_it_is_moved(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            (workspace / "runs").mkdir(parents=True)
            await studio.get(lambda id: SetQueue(id, held=True))
            await studio.get(queued("a"))
            (workspace / "runs" / "a").mkdir()  # somebody took its name
            await studio.get(lambda id: SetQueue(id, held=False))
            why = await studio.notice(
                lambda m: isinstance(m, RunChanged) and m.run.state == "queued" and m.run.message
            )
            assert "already a run 'a'" in why.run.message
            (workspace / "runs" / "a").rmdir()
            await studio.get(lambda id: MoveRun(id, "a", 0))
            await studio.state("a", "running")

    asyncio.run(check())


def test_a_full_disk_changes_nothing(workspace, monkeypatch):
    file = QueueFile(workspace)
    file.edit(lambda plan: plan.added(Entry("a", points_spec())).set(True, None))

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.hub.queue.write_whole", full)

    async def check():
        async with hub_here(workspace) as studio:
            text = await studio.refusal(lambda id: TakeOut(id, "a"))
            assert "no space left" in text
            assert await order(studio) == ("a",)

    asyncio.run(check())
    assert [entry.run for entry in file.read().entries] == ["a"]


def test_whoever_only_looks_sets_nothing_aside(workspace):
    workspace.mkdir()
    (workspace / "queue.json").write_bytes(b"{")
    assert waiting(workspace) == ()
    assert waiting_spec("a", workspace) is None
    assert known_runs(workspace) == ()
    assert (workspace / "queue.json").read_bytes() == b"{"


def test_a_good_queue_is_not_set_aside_for_the_damaged_one_before_it(workspace, monkeypatch):
    """Two programs find the damage; the other one is the first to begin anew."""
    workspace.mkdir()
    (workspace / "queue.json").write_bytes(b"{")
    slow, quick = QueueFile(workspace), QueueFile(workspace)
    found = QueueFile._found

    def find_late(self):
        monkeypatch.setattr(QueueFile, "_found", found)
        try:
            return found(self)
        finally:
            quick.edit(lambda plan: plan.added(Entry("a", points_spec())))

    monkeypatch.setattr(QueueFile, "_found", find_late)
    assert [entry.run for entry in slow.read().entries] == ["a"]
    assert [entry.run for entry in quick.read().entries] == ["a"]


def test_a_plan_survives_its_file_whole():
    plan = Plan(held=True, at_once=3, entries=(Entry("ü \U0001f300", points_spec(), 1.5, "why"),))
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan


def test_changes_of_many_processes_are_all_kept(workspace):
    code = (
        "import sys; from pathlib import Path; from engine.hub.queue import *\n"
        "for k in range(10): QueueFile(Path(sys.argv[1])).edit("
        "lambda plan: plan.added(Entry(f'{sys.argv[2]}-{k}')))"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(workspace), str(n)], env=os.environ)
        for n in range(3)
    ]
    assert [process.wait() for process in started] == [0, 0, 0]
    assert len({entry.run for entry in QueueFile(workspace).read().entries}) == 30
