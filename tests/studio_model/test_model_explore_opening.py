"""Models taken in hand: of two the newer, what is refused changes nothing, reloads when newer."""

import asyncio

import pytest
from exploring import exploring, where
from fake_world import FakeWorld
from loops import run, settle, until

from engine.contract import messages as m
from studio.link.link import LinkClosed, Refusal
from studio.model.explore_model import ExploreModel


def test_a_model_that_is_being_opened_is_asked_nothing() -> None:
    """Else a hand on the slider asks pictures for the paths of the points before them."""

    async def scenario() -> None:
        world, explore, watch = await exploring()
        before, traces = len(world.link.of(m.Jump)), len(world.link.of(m.Trace))
        world.link.hold()
        opening = asyncio.ensure_future(explore.open("emoji"))
        await settle(3)
        explore.set_times(0.7, 0.3)
        await settle(3)
        assert len(world.link.of(m.Jump)) == before
        world.link.release()
        await opening
        await until(lambda: explore.states is not None)
        await settle()
        assert watch.shown[-1] == (0.7, 0.3)
        assert explore.states is not None
        assert explore.states.x_s.shape == (16, 16, 16, 3)
        assert len(world.link.of(m.Trace)) == traces

    run(scenario())


def test_a_model_that_is_refused_leaves_the_one_before_in_hand() -> None:
    async def scenario() -> None:
        world, explore, _ = await exploring()
        world.link.hold()
        opening = asyncio.ensure_future(explore.open("nobody"))
        await settle(3)
        explore.set_times(0.7, 0.3)
        world.link.release()
        with pytest.raises(Refusal):
            await opening
        assert explore.name == "points"
        await until(lambda: where(explore) == (0.7, 0.3))

    run(scenario())


def test_answers_of_the_model_before_are_dropped() -> None:
    async def scenario() -> None:
        world, explore, watch = await exploring("points")
        world.link.hold()
        explore.set_times(0.9, 0.1)
        await settle()
        opening = asyncio.ensure_future(explore.open("emoji"))
        await settle()
        watch.shown.clear()
        world.link.release()
        await opening
        await until(lambda: explore.states and explore.states.x_t.ndim == 4)
        assert watch.shown == [(0.9, 0.1)]  # once, and of the second model
        assert explore.trace is None

    run(scenario())


def test_of_two_openings_the_newer_wins() -> None:
    async def scenario() -> None:
        world, explore, _ = await exploring("points")
        world.link.hold()
        both = asyncio.gather(explore.open("points"), explore.open("emoji"))
        await settle()
        world.link.release_last()
        await settle()
        world.link.release()
        await both
        assert explore.model == world.models["emoji"]
        await until(lambda: explore.states and explore.states.x_t.ndim == 4)

    run(scenario())


def test_a_refused_model_leaves_the_one_in_hand() -> None:
    async def scenario() -> None:
        _, explore, _ = await exploring("points")
        with pytest.raises(Refusal, match="'nothing'"):
            await explore.open("nothing")
        assert explore.name == "points"
        explore.set_times(0.5, 0.25)
        await until(lambda: where(explore) == (0.5, 0.25))

    run(scenario())


def test_a_model_wanted_before_the_engine_is_there_comes_with_it() -> None:
    async def scenario() -> None:
        world = FakeWorld()
        explore = ExploreModel(world.link)
        with pytest.raises(LinkClosed):
            await explore.open("points")
        assert world.link.asked == []
        world.link.open()
        await until(lambda: explore.states is not None)

    run(scenario())


def test_a_newer_checkpoint_reloads_the_run_in_hand_only() -> None:
    async def scenario() -> None:
        world = FakeWorld()
        world.link.alive = True
        world.add_run("mine")
        world.train("mine", 100)
        explore = ExploreModel(world.link)
        await explore.open("mine")
        await until(lambda: explore.states is not None)
        explore.refresh("other", 900)
        explore.refresh("mine", 100)
        await settle()
        assert len(world.link.of(m.OpenModel)) == 1
        world.train("mine", 100)
        world.link.hold()
        for step in range(200, 210):
            explore.refresh("mine", step)
            await settle(3)
        world.link.release()
        await until(lambda: explore.model and explore.model.step == 200)
        await settle()
        assert len(world.link.of(m.OpenModel)) <= 3

    run(scenario())


def test_an_at_in_a_path_is_no_step() -> None:
    async def scenario() -> None:
        world, explore, _ = await exploring()
        world.models["/a@b/x"] = world.models["points"]
        world.models["/a@b/y"] = world.models["emoji"]
        await explore.open("/a@b/x")
        await until(lambda: explore.states is not None)
        gone: list[bool] = []
        explore.model_changed.connect(lambda: gone.append(explore.states is None))
        await explore.open("/a@b/y")
        assert gone == [True]

    run(scenario())


def test_a_pinned_checkpoint_stays() -> None:
    async def scenario() -> None:
        world, explore, _ = await exploring()
        world.models["mine@100"] = world.models["points"]
        await explore.open("mine@100")
        explore.refresh("mine", 9000)
        await settle()
        assert len(world.link.of(m.OpenModel)) == 2

    run(scenario())
