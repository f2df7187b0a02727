"""Times of several steps: set by hand within their neighbours, and searched."""

import asyncio

import numpy as np
import pytest
from fake_world import FakeWorld
from loops import run, settle, until
from msgspec import structs

from engine.contract import messages as m
from engine.contract.catalogue import Grid
from studio.model import quality_model
from studio.model.explore_model import ExploreModel
from studio.model.quality_model import QualityModel
from studio.model.schedule_model import MOST, NEAR, ScheduleModel


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality_model, "REST", 0.0)


async def scheduled() -> tuple[FakeWorld, ExploreModel, ScheduleModel]:
    world = FakeWorld()
    for name, capability in (("steps", "dyadic"), ("other", "flow map")):
        world.models[name] = structs.replace(
            world.models["points"], name=name, capability=capability, grid=Grid(4)
        )
    explore = ExploreModel(world.link)
    quality = QualityModel(world.link, explore)
    schedule = ScheduleModel(explore, quality)
    world.link.open()
    await explore.open("points")
    await until(lambda: explore.states is not None)
    return world, explore, schedule


def valley(*best: float):
    """Samples are the nearer to data the nearer the times are to `best`."""

    def measure(r: m.Measure) -> m.Message:
        assert isinstance(r.sampler.times, tuple)
        assert len(r.sampler.times) == r.steps - 1 == len(best)
        sliced = 0.1 + sum((a - b) ** 2 for a, b in zip(r.sampler.times, best, strict=True))
        return m.Measured(r.id, r.steps, r.source.count, sliced, 0.01, 0.1, 0.001, True)

    return measure


def test_a_time_stays_between_its_neighbours_and_the_jump_takes_it() -> None:
    async def scenario() -> None:
        world, explore, schedule = await scheduled()
        assert not schedule.editable
        explore.set_steps(4)
        assert schedule.shares == (0.25, 0.5, 0.75)
        schedule.move(1, 0.9)
        assert schedule.shares == (0.25, pytest.approx(0.75 - NEAR), 0.75)
        schedule.move(0, -1.0)
        assert schedule.shares[0] == NEAR
        explore.set_times(0.8, 0.2)
        schedule.move(1, 0.5)
        await until(lambda: isinstance(world.link.of(m.Jump)[-1].sampler.times, tuple))
        await settle()
        asked = world.link.of(m.Jump)[-1]
        assert asked.sampler.times == pytest.approx(
            [0.8 - share * 0.6 for share in schedule.shares]
        )
        schedule.even()
        await until(lambda: world.link.of(m.Jump)[-1].sampler.times == "even")

    run(scenario())


def test_the_shares_go_with_the_ends_and_without_a_way_there_is_none() -> None:
    async def scenario() -> None:
        _, explore, schedule = await scheduled()
        explore.set_steps(2)
        schedule.move(0, 0.3)
        assert explore.way.times == pytest.approx((0.7,))
        explore.set_times(0.5, 0.0)
        assert explore.way.times == pytest.approx((0.35,))
        explore.set_times(0.5, 0.5)
        assert explore.way.times == "even"
        explore.set_times(0.2, 0.7)
        assert explore.way.times == pytest.approx((0.35,))

    run(scenario())


def test_other_steps_or_a_grid_take_even_times() -> None:
    async def scenario() -> None:
        _, explore, schedule = await scheduled()
        explore.set_steps(3)
        schedule.move(0, 0.1)
        explore.set_steps(4)
        assert schedule.shares == (0.25, 0.5, 0.75)
        schedule.move(0, 0.1)
        await explore.open("steps")
        assert explore.shares == ()
        assert not schedule.editable
        explore.set_steps(MOST + 1)
        await explore.open("points")
        assert not schedule.editable
        explore.set_shares((0.5,))  # too few for these steps
        assert explore.shares == ()

    run(scenario())


@pytest.mark.parametrize("best", [(0.72,), (0.31,), (0.85, 0.3), (0.6, 0.5)])
def test_the_search_finds_the_least_distance(best) -> None:
    async def scenario() -> None:
        world, explore, schedule = await scheduled()
        world.link.on(m.Measure, valley(*best))
        explore.set_steps(len(best) + 1)
        schedule.search()
        assert schedule.searching
        await until(lambda: not schedule.searching)
        assert schedule.problem == ""
        times = [1 - share for share in explore.shares]
        assert np.abs(np.subtract(times, best)).max() < 0.05
        found = schedule.found
        assert found.best < found.first
        assert found.tried == found.of
        assert found.best == pytest.approx(0.1, abs=0.003)

    run(scenario())


def test_nothing_better_leaves_the_times_as_they_are() -> None:
    async def scenario() -> None:
        world, explore, schedule = await scheduled()
        world.link.on(m.Measure, valley(0.5))
        explore.set_steps(2)
        schedule.search()
        await until(lambda: not schedule.searching)
        assert explore.shares == ()
        assert schedule.found.best == schedule.found.first

    run(scenario())


def test_another_hand_or_a_second_press_ends_the_search() -> None:
    async def scenario() -> None:
        world, explore, schedule = await scheduled()
        answer, calls = valley(0.8), []

        def moved_at_the_third(r: m.Measure) -> m.Message:
            calls.append(r)
            if len(calls) == 3:
                asyncio.get_running_loop().call_soon(schedule.move, 0, 0.6)
            return answer(r)

        world.link.on(m.Measure, moved_at_the_third)
        explore.set_steps(2)
        schedule.search()
        schedule.search()
        assert not schedule.searching
        await settle()
        calls.clear()
        schedule.search()
        await until(lambda: len(calls) == 3)
        await settle()
        assert not schedule.searching
        assert schedule.found is None
        assert explore.shares == (0.6,)
        assert len(calls) == 3

    run(scenario())


def test_what_is_refused_is_said_and_what_gave_way_is_asked_again() -> None:
    async def scenario() -> None:
        world, explore, schedule = await scheduled()
        explore.set_steps(2)
        world.link.on(m.Measure, lambda r: m.Refused(r.id, "Memory ran out."))
        schedule.search()
        await until(lambda: not schedule.searching)
        assert schedule.problem == "Memory ran out."
        answer, gone = valley(0.8), iter([True, False, True])
        world.link.on(
            m.Measure,
            lambda r: m.Refused(r.id, m.SUPERSEDED) if next(gone, False) else answer(r),
        )
        schedule.search()
        await until(lambda: not schedule.searching)
        assert schedule.problem == ""
        assert 1 - explore.shares[0] == pytest.approx(0.8, abs=0.05)

    run(scenario())
