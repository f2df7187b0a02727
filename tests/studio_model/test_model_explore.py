"""Exploring: few requests, the last wish wins, nothing stale, and what is shown is true."""

import numpy as np
from exploring import exploring, where
from hypothesis import given, settings
from hypothesis import strategies as st
from loops import run, settle, until
from msgspec import structs

from engine.contract import messages as m
from engine.contract.arrays import Array


def test_opening_shows_the_model_where_the_sliders_stand() -> None:
    async def scenario() -> None:
        world, explore, watch = await exploring()
        assert explore.model == world.models["points"]
        assert watch.shown == [(1.0, 0.0)]
        assert explore.states is not None
        assert explore.states.x_s.shape == (16, 2)
        assert explore.states.x_s.dtype == np.float32
        assert explore.trace is not None
        assert explore.trace.learned.shape == (24, 16, 2)
        assert np.array_equal(explore.trace.learned[0], explore.states.x_t)
        assert np.allclose(explore.trace.learned[-1], explore.states.x_s)
        assert explore.frame_ms > 0

    run(scenario())


def test_pictures_come_as_bytes_without_a_trace() -> None:
    async def scenario() -> None:
        world, explore, _ = await exploring("emoji")
        assert explore.states is not None
        assert explore.states.x_t.shape == (16, 16, 16, 3)
        assert explore.states.x_t.dtype == np.uint8
        assert world.link.of(m.Trace) == []

    run(scenario())


def test_a_thousand_wishes_are_few_requests_and_the_last_wins() -> None:
    async def scenario() -> None:
        world, explore, _ = await exploring()
        world.link.hold()
        before, traces = len(world.link.of(m.Jump)), len(world.link.of(m.Trace))
        for n in range(1, 1001):
            explore.set_times(1.0, n / 1000)
            if n % 10 == 0:
                await settle(3)
        assert len(world.link.of(m.Jump)) == before + 1
        world.link.release()
        await until(lambda: where(explore) == (1.0, 1.0))
        await settle()
        assert len(world.link.of(m.Jump)) == before + 2
        assert len(world.link.of(m.Trace)) == traces + 1  # none while a newer wish waited
        assert explore.trace is not None
        assert (explore.trace.t, explore.trace.s) == (1.0, 1.0)

    run(scenario())


def test_a_hand_asks_before_anything_is_painted() -> None:
    async def scenario() -> None:
        world, explore, _ = await exploring()
        explore.set_times(0.5, 0.2, at_once=True)
        assert (world.link.of(m.Jump)[-1].t, world.link.of(m.Jump)[-1].s) == (0.5, 0.2)
        before = len(world.link.of(m.Jump))
        await until(lambda: where(explore) == (0.5, 0.2))
        explore.set_times(0.4, 0.2)  # others are asked when all that changes has changed
        explore.set_steps(3)
        assert len(world.link.of(m.Jump)) == before
        await until(lambda: explore.states and explore.states.steps == 3)
        assert len(world.link.of(m.Jump)) == before + 1

    run(scenario())


@given(
    st.lists(
        st.one_of(
            st.tuples(st.floats(0, 1), st.floats(0, 1)),
            st.sampled_from(["turn", "hold", "release"]),
        ),
        max_size=30,
    )
)
@settings(max_examples=40, deadline=None)
def test_what_is_shown_at_last_is_where_the_sliders_stand(moves: list) -> None:
    async def scenario() -> None:
        world, explore, watch = await exploring()
        for move in moves:
            match move:
                case "turn":
                    await settle(3)
                case "hold":
                    world.link.hold()
                case "release":
                    world.link.release()
                case t, s:
                    explore.set_times(t, s)
            assert len(world.link._waiting) <= 2  # a jump and a trace are in flight at most
        world.link.release()
        await until(lambda: where(explore) == (explore.t, explore.s))
        await until(lambda: explore.trace and (explore.trace.t, explore.trace.s) == where(explore))
        wished = [(1.0, 0.0), *(move for move in moves if isinstance(move, tuple))]
        order = iter(wished)
        assert all(shown in order for shown in watch.shown)  # in the order of the wishes

    run(scenario())


def test_what_was_done_comes_with_the_answer() -> None:
    async def scenario() -> None:
        world, explore, _ = await exploring()
        jump, trace = world.jump, world.trace
        said = {"how": "re-noise", "carried": "re-noise"}
        world.link.on(m.Jump, lambda r: (structs.replace(jump(r)[0], **said), jump(r)[1]))
        world.link.on(m.Trace, lambda r: (structs.replace(trace(r)[0], why="None."), trace(r)[1]))
        explore.set_times(0.8, 0.2)
        await until(lambda: explore.trace and explore.trace.t == 0.8)
        assert explore.states is not None
        assert explore.trace is not None
        assert (explore.states.how, explore.states.carried) == ("re-noise", "re-noise")
        assert explore.trace.why == "None."

    run(scenario())


def test_a_refused_jump_is_told_and_the_next_one_is_asked() -> None:
    async def scenario() -> None:
        world, explore, watch = await exploring()
        good = world.jump
        world.link.on(m.Jump, lambda r: m.Refused(r.id, "The explorer starts anew; try again."))
        explore.set_times(0.8, 0.2)
        await until(lambda: watch.refused)
        assert watch.refused == ["The explorer starts anew; try again."]
        world.link.on(m.Jump, good)
        explore.set_times(0.8, 0.3)
        await until(lambda: where(explore) == (0.8, 0.3))

    run(scenario())


def test_an_unreadable_answer_is_a_sentence() -> None:
    async def scenario() -> None:
        world, explore, watch = await exploring()
        torn = m.Jumped(0, 1.0, 0.0, 1, 1.0, (Array("x_t", "float32", (4,)),))
        world.link.on(m.Jump, lambda r: (torn, b""))
        explore.set_times(0.8, 0.2)
        await until(lambda: watch.refused)
        world.link.on(m.Jump, lambda r: (m.Jumped(r.id, 1.0, 0.0, 1, 1.0, ()), b""))
        explore.set_times(0.8, 0.3)
        await until(lambda: len(watch.refused) == 2)
        assert "x_t" in watch.refused[1]

    run(scenario())


def test_a_dead_engine_keeps_the_picture_and_a_new_one_goes_on() -> None:
    async def scenario() -> None:
        world, explore, watch = await exploring()
        world.link.hold()
        explore.set_times(0.7, 0.1)
        await settle()
        world.link.die()
        await settle()
        kept = explore.states
        assert kept is not None
        explore.set_times(0.6, 0.1)
        await settle()
        assert explore.states is kept
        world.link.release()
        asked = len(world.link.asked)
        world.link.open()
        await until(lambda: where(explore) == (0.6, 0.1))
        assert isinstance(world.link.asked[asked], m.OpenModel)
        assert watch.refused == []

    run(scenario())
