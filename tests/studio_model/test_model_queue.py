"""What waits for its turn, as the window knows it."""

import pytest
from fake_world import PRESETS, FakeWorld
from loops import run, settle, until

from engine.contract import messages as m
from studio.link.link import LinkClosed, Refusal
from studio.model.queue_model import QueueModel
from studio.model.runs_model import RunsModel


async def three() -> tuple[FakeWorld, RunsModel, QueueModel]:
    """One run that is trained, and three that wait."""
    world = FakeWorld()
    runs = RunsModel(world.link)
    queue = QueueModel(world.link, runs)
    world.link.open()
    await settle()  # the list of runs, as it is at first
    await runs.start(PRESETS[0].spec)
    for _ in range(3):
        await runs.queue(PRESETS[0].spec)
    await until(lambda: len(queue.waiting) == 3)
    return world, runs, queue


def names(queue: QueueModel) -> list[str]:
    return [info.name for info in queue.waiting]


def test_what_is_queued_waits_and_what_is_looked_at_stays() -> None:
    async def scenario() -> None:
        world, runs, queue = await three()
        assert names(queue) == ["run-2", "run-3", "run-4"]
        assert [info.name for info in queue.training] == ["run-1"]
        assert runs.current is not None
        assert runs.current.name == "run-1"
        assert [asked.queue for asked in world.link.of(m.StartRun)] == [False, True, True, True]

    run(scenario())


def test_where_nothing_is_looked_at_the_queued_run_is() -> None:
    async def scenario() -> None:
        world = FakeWorld()
        runs = RunsModel(world.link)
        QueueModel(world.link, runs)
        world.link.open()
        await runs.queue(PRESETS[0].spec)
        assert runs.current is not None
        assert runs.current.info.state == "queued"
        world.begin_next()
        assert runs.current.info.state == "starting"

    run(scenario())


def test_the_order_is_that_of_the_engine() -> None:
    async def scenario() -> None:
        world, _, queue = await three()
        await queue.move("run-4", 0)
        assert names(queue) == ["run-4", "run-2", "run-3"]
        with pytest.raises(Refusal, match="does not wait"):
            await queue.move("run-1", 0)
        assert names(queue) == ["run-4", "run-2", "run-3"]
        world.waiting.reverse()
        world.link.notice(world.queue())
        assert names(queue) == ["run-3", "run-2", "run-4"]

    run(scenario())


def test_what_never_began_is_gone_when_it_is_taken_out() -> None:
    async def scenario() -> None:
        _, runs, queue = await three()
        await runs.open("run-3")
        await queue.take_out("run-3")
        assert names(queue) == ["run-2", "run-4"]
        await until(lambda: runs.find("run-3") is None)
        assert runs.current is None

    run(scenario())


def test_what_goes_on_later_stands_as_it_stood_when_it_is_taken_out() -> None:
    async def scenario() -> None:
        world, runs, queue = await three()
        world.train("run-1", 100)
        world.finish("run-1", "stopped")
        await runs.queue_resume("run-1")
        assert names(queue)[-1] == "run-1"
        await queue.take_out("run-1")
        info = runs.find("run-1")
        assert info is not None
        assert info.state == "stopped"
        assert "run-1" not in names(queue)

    run(scenario())


def test_what_begins_waits_no_more_and_keeps_its_row() -> None:
    async def scenario() -> None:
        world, runs, queue = await three()
        world.finish("run-1")
        world.begin_next()
        assert names(queue) == ["run-3", "run-4"]
        assert [info.name for info in queue.training] == ["run-2"]
        world._set("run-2", state="running")
        told: list[int] = []
        queue.progressed.connect(lambda: told.append(1))
        world.train("run-2", 50)
        assert told
        progress = queue.progress("run-2")
        assert progress is not None
        assert progress.step == 50
        assert runs.find("run-2") is not None

    run(scenario())


def test_held_it_will_not_go_on_nor_where_all_have_a_problem() -> None:
    async def scenario() -> None:
        world, _, queue = await three()
        assert queue.will_go_on
        await queue.hold(True)
        assert (queue.held, queue.will_go_on) == (True, False)
        await queue.hold(False)
        await queue.set_at_once(2)
        assert (queue.held, queue.at_once) == (False, 2)
        for name in tuple(world.waiting):
            info = world._set(name, message="Its data set is gone.")
            world.link.notice(m.RunChanged(info))
        assert not queue.will_go_on
        await queue.move("run-2", 0)  # tried again
        world.link.notice(m.RunChanged(world.runs["run-2"]))
        assert queue.will_go_on

    run(scenario())


def test_without_an_engine_nothing_waits_and_the_next_one_tells_anew() -> None:
    async def scenario() -> None:
        world, runs, queue = await three()
        world.link.die()
        assert queue.waiting == []
        assert [r.state for r in runs.runs if r.name == "run-2"] == ["queued"]
        with pytest.raises(LinkClosed):
            await queue.refresh()
        world.link.open()
        await until(lambda: names(queue) == ["run-2", "run-3", "run-4"])

    run(scenario())


def test_an_engine_without_a_queue_is_no_fault() -> None:
    async def scenario() -> None:
        world = FakeWorld()
        world.link.on(m.GetQueue, lambda r: m.Refused(r.id, "GetQueue is no request."))
        queue = QueueModel(world.link, RunsModel(world.link))
        world.link.open()
        await until(lambda: world.link.of(m.GetQueue))
        assert queue.waiting == []

    run(scenario())
