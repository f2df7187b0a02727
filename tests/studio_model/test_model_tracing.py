"""Paths of the jump in sight: they give way to every jump, and always come in the end."""

import asyncio

import pytest
from exploring import exploring, giving_way, where
from hypothesis import given, settings
from hypothesis import strategies as st
from loops import run, settle, until
from msgspec import structs

from engine.contract import messages as m
from studio.model import tracing
from studio.model.companions import Companions
from studio.model.explore_model import ExploreModel


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "REST", 0.0)


def test_a_trace_of_the_model_before_is_dropped() -> None:
    async def scenario() -> None:
        world, explore, _ = await exploring("points")
        traces = len(world.link.of(m.Trace))
        world.link.hold()
        explore.set_times(0.9, 0.1)
        await settle()
        world.link.release_last()
        await until(lambda: len(world.link.of(m.Trace)) > traces)
        opening = asyncio.ensure_future(explore.open("emoji"))
        await settle()
        world.link.release_last()
        await opening
        told: list[int] = []
        explore.trace_changed.connect(lambda: told.append(1))
        world.link.release()
        await until(lambda: explore.states and explore.states.x_t.ndim == 4)
        await settle()
        assert told == []

    run(scenario())


def test_a_jump_does_not_wait_for_the_trace_of_the_last_one() -> None:
    async def scenario() -> None:
        world, explore, _ = await exploring()
        traces = len(world.link.of(m.Trace))
        world.link.hold()
        explore.set_times(0.9, 0.1)
        await settle()
        world.link.release_last()
        await until(lambda: len(world.link.of(m.Trace)) > traces)  # and it is not answered
        explore.set_times(0.9, 0.2)
        await settle()
        assert world.link.of(m.Jump)[-1].s == 0.2
        world.link.release_last()
        await until(lambda: where(explore) == (0.9, 0.2))
        world.link.release()
        await until(lambda: traced(explore))

    run(scenario())


def test_paths_that_gave_way_are_asked_again_without_another_jump() -> None:
    async def scenario() -> None:
        world, explore, watch = await exploring()
        refused: list[m.Trace] = []

        def thrice(asked: m.Trace) -> m.Message | tuple[m.Message, bytes]:
            if len(refused) < 3:
                refused.append(asked)
                return m.Refused(asked.id, m.SUPERSEDED)
            return world.trace(asked)

        world.link.on(m.Trace, thrice)
        jumps = len(world.link.of(m.Jump))
        explore.set_times(0.6, 0.1)
        await until(lambda: explore.states and where(explore) == (0.6, 0.1) and traced(explore))
        assert len(refused) == 3
        assert len(world.link.of(m.Jump)) == jumps + 1
        assert watch.refused == []

    run(scenario())


@given(st.lists(st.sampled_from(["move", "turn", "hold", "release", "beside"]), max_size=40))
@settings(max_examples=40, deadline=None)
def test_under_any_hand_paths_come_in_the_end_and_nobody_chases_anybody(moves: list[str]) -> None:
    async def scenario() -> None:
        world, explore, watch = await exploring()
        giving_way(world)
        world.models["other"] = structs.replace(world.models["points"], name="other")
        companions = Companions(world.link, explore)
        await companions.add("other")
        wished = 0
        for k, move in enumerate(moves):
            match move:
                case "move":
                    wished += 1
                    explore.set_times(1.0 - k / 100, k / 200, at_once=k % 2 == 0)
                case "turn":
                    await settle(5)
                case "hold":
                    world.link.hold()
                case "release":
                    world.link.release()
                case "beside":
                    wished += 1
                    explore.set_source(m.Source(seed=k))
        world.link.release()
        await until(lambda: where(explore) == (explore.t, explore.s) and traced(explore))
        (other,) = companions.all
        await until(lambda: other.beside is explore.states)
        await settle()
        assert traced(explore)
        asked = [jump.model for jump in world.link.of(m.Jump)]
        assert asked.count("points") <= 1 + wished
        assert asked.count("other") <= 2 + asked.count("points")
        assert watch.refused == []

    run(scenario())


def test_what_cannot_be_traced_is_told() -> None:
    async def scenario() -> None:
        world, explore, watch = await exploring()
        world.link.on(m.Trace, lambda r: m.Refused(r.id, "Memory ran out."))
        explore.set_times(0.6, 0.1)
        await until(lambda: watch.refused)
        assert watch.refused == ["Memory ran out."]
        assert where(explore) == (0.6, 0.1)
        world.link.on(m.Trace, world.trace)
        explore.set_times(0.6, 0.2)
        await until(lambda: traced(explore))

    run(scenario())


def test_a_slow_trace_waits_for_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "REST", 0.02)
    monkeypatch.setattr(tracing, "TICK", -1.0)  # whatever it takes is long

    async def scenario() -> None:
        world, explore, _ = await exploring()
        before = len(world.link.of(m.Trace))
        for n in range(1, 11):
            explore.set_times(1.0, n / 20)
            await until(lambda: where(explore) == (explore.t, explore.s))
        assert len(world.link.of(m.Trace)) <= before + 2
        await until(lambda: traced(explore))

    run(scenario())


def test_after_a_while_paths_are_tried_under_a_hand_that_moves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tracing, "REST", 60.0)  # never

    async def scenario() -> None:
        world, explore, _ = await exploring()
        world.link.on(m.Trace, lambda r: m.Refused(r.id, m.SUPERSEDED))
        explore.set_times(0.9, 0.1)
        await until(lambda: explore._tracing._patient)
        world.link.on(m.Trace, world.trace)
        explore._tracing._patient -= tracing.AGAIN
        explore.set_times(0.9, 0.2)
        await until(lambda: traced(explore))

    run(scenario())


def traced(explore: ExploreModel) -> bool:
    """Whether the paths are those of the jump in sight."""
    trace = explore.trace
    return trace is not None and (trace.t, trace.s) == where(explore)
