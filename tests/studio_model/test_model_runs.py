"""The list of runs and the one that is looked at."""

import pytest
from fake_world import PRESETS, FakeWorld
from loops import run, settle, until

from studio.link.link import LinkClosed, Refusal
from studio.model.runs_model import RunsModel


def opened() -> tuple[FakeWorld, RunsModel]:
    """A world whose engine is up, and the list of its runs."""
    world = FakeWorld()
    runs = RunsModel(world.link)
    world.link.open()
    return world, runs


def names(runs: RunsModel) -> list[str]:
    return [r.name for r in runs.runs]


def test_the_list_comes_with_the_engine() -> None:
    async def scenario() -> None:
        world = FakeWorld()
        for name in ("one", "two"):
            world.add_run(name)
        runs = RunsModel(world.link)
        with pytest.raises(LinkClosed):
            await runs.refresh()
        world.link.open()
        await until(lambda: names(runs) == ["two", "one"])

    run(scenario())


def test_a_started_run_is_looked_at_and_followed() -> None:
    async def scenario() -> None:
        world, runs = opened()
        told: list[int] = []
        runs.current_changed.connect(lambda: told.append(1))
        model = await runs.start(PRESETS[0].spec, "mine")
        assert runs.current is model
        assert names(runs) == ["mine"]
        world.train("mine", 500)
        await until(lambda: len(model.steps) == 50)
        assert model.progress is not None
        assert runs.runs[0].step == 500
        assert len(told) == 1
        assert await runs.open("mine") is model
        assert len(told) == 1

    run(scenario())


def test_looking_at_another_run_leaves_the_first_alone() -> None:
    async def scenario() -> None:
        world, runs = opened()
        first = await runs.start(PRESETS[0].spec, "first")
        second = await runs.start(PRESETS[0].spec, "second")
        await settle()
        world.train("first", 100)
        world.train("second", 200)
        await until(lambda: len(second.steps) == 20)
        assert first.progress is None
        assert len(first.steps) == 0
        assert names(runs) == ["second", "first"]
        assert (await runs.open("first")) is not first

    run(scenario())


def test_notices_change_the_row_in_its_place() -> None:
    async def scenario() -> None:
        world, runs = opened()
        for name in ("one", "two", "three"):
            world.add_run(name)
        await runs.refresh()
        world.finish("two")
        assert names(runs) == ["three", "two", "one"]
        assert runs.runs[1].state == "finished"
        world.add_run("four")
        world.finish("four", "failed")
        assert names(runs)[0] == "four"

    run(scenario())


def test_each_newer_checkpoint_is_told_once() -> None:
    async def scenario() -> None:
        world, runs = opened()
        told: list[tuple[str, int]] = []
        runs.sealed.connect(lambda name, step: told.append((name, step)))
        await runs.start(PRESETS[0].spec, "mine")
        for _ in range(3):
            world.train("mine", 100)
            world.link.notice(world.progress("mine"))
        world.finish("mine")
        assert told == [("mine", 100), ("mine", 200), ("mine", 300)]

    run(scenario())


def test_progress_of_an_unknown_run_is_passed_on_only() -> None:
    async def scenario() -> None:
        world, runs = opened()
        told: list[object] = []
        runs.progressed.connect(told.append)
        world.add_run("elsewhere")
        await settle()
        runs.runs.clear()
        world.link.notice(world.progress("elsewhere"))
        assert len(told) == 1
        assert runs.runs == []

    run(scenario())


def test_a_run_that_is_not_there_is_refused() -> None:
    async def scenario() -> None:
        world, runs = opened()
        with pytest.raises(Refusal, match="'nothing'"):
            await runs.open("nothing")
        world.add_run("late")
        assert (await runs.open("late")).name == "late"

    run(scenario())


def test_runs_end_with_their_engine_and_go_on_with_the_next() -> None:
    async def scenario() -> None:
        world, runs = opened()
        model = await runs.start(PRESETS[0].spec, "mine")
        world.train("mine", 100)
        await until(lambda: len(model.steps) == 10)
        world.link.die()
        assert runs.runs[0].state == "stopped"
        assert (model.info.state, model.progress) == ("stopped", None)
        with pytest.raises(LinkClosed):
            await runs.resume("mine")
        world.link.open()
        await settle()
        assert await runs.resume("mine") is model
        assert model.info.state == "running"
        world.train("mine", 100)
        await until(lambda: len(model.steps) == 20)

    run(scenario())


def test_runs_train_on_while_only_the_way_to_their_engine_is_lost() -> None:
    async def scenario() -> None:
        world, runs = opened()
        await runs.start(PRESETS[0].spec, "mine")
        await until(lambda: runs.runs[0].state == "running")
        world.link.returning = True
        world.link.die()
        assert runs.runs[0].state == "running"
        world.link.returning = False
        world.link.closed.emit("The engine was not found again.")
        assert runs.runs[0].state == "stopped"

    run(scenario())
