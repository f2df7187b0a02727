"""Exploring: few requests, the last wish wins, nothing stale, and what is shown is true."""

import asyncio

import numpy as np
import pytest
from fake_world import MODELS, FakeWorld
from hypothesis import given, settings
from hypothesis import strategies as st
from loops import run, settle, until
from msgspec import structs

from engine.contract import messages as m
from engine.contract.catalogue import Capability, Grid, Guidance
from studio.link.link import LinkClosed, Refusal
from studio.model import explore_model
from studio.model.explore_model import ExploreModel
from studio.model.explore_sampler import fitting


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explore_model, "REST", 0.0)


class Watch:
    """Everything that an explorer told."""

    def __init__(self, explore: ExploreModel) -> None:
        self.shown: list[tuple[float, float]] = []
        self.refused: list[str] = []
        explore.states_changed.connect(lambda: self.shown.append(where(explore)))
        explore.failed.connect(self.refused.append)


def where(explore: ExploreModel) -> tuple[float, float]:
    assert explore.states is not None
    return explore.states.t, explore.states.s


async def exploring(name: str = "points") -> tuple[FakeWorld, ExploreModel, Watch]:
    """A world, an explorer that shows a model, and what it told."""
    world = FakeWorld()
    explore = ExploreModel(world.link)
    watch = Watch(explore)
    world.link.open()
    await explore.open(name)
    await until(lambda: explore.states is not None)
    await settle()
    return world, explore, watch


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
        with pytest.raises(Refusal):
            await explore.raw()
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
            assert len(world.link._waiting) <= 1  # one in flight, jump or trace
        world.link.release()
        await until(lambda: where(explore) == (explore.t, explore.s))
        await until(lambda: explore.trace and (explore.trace.t, explore.trace.s) == where(explore))
        wished = [(1.0, 0.0), *(move for move in moves if isinstance(move, tuple))]
        order = iter(wished)
        assert all(shown in order for shown in watch.shown)  # in the order of the wishes

    run(scenario())


def test_times_stay_in_the_square_and_noise_is_no_news() -> None:
    async def scenario() -> None:
        _, explore, _ = await exploring()
        moved: list[int] = []
        explore.times_changed.connect(lambda: moved.append(1))
        explore.set_times(1.5, -0.5)
        explore.set_times(float("nan"), 0.5)
        explore.set_times(float("inf"), 0.5)
        assert (explore.t, explore.s, moved) == (1.0, 0.0, [])
        explore.set_times(0.25, 0.75)
        assert (explore.t, explore.s, len(moved)) == (0.25, 0.75, 1)
        await until(lambda: where(explore) == (0.25, 0.75))
        assert explore.states is not None
        assert explore.states.outside

    run(scenario())


def test_source_and_steps_are_asked_for_once_each() -> None:
    async def scenario() -> None:
        world, explore, _ = await exploring()
        for _ in range(2):
            explore.set_source(m.Source("data", 7, 4, 1))
            explore.set_steps(3)
            await settle()
        newest = world.link.of(m.Jump)[-1]
        assert (newest.source, newest.steps) == (m.Source("data", 7, 4, 1), 3)
        assert explore.states is not None
        assert (explore.states.source.seed, explore.states.steps) == (7, 3)
        assert len(world.link.of(m.Jump)) == 2

    run(scenario())


def test_a_sampler_is_asked_for_once_as_far_as_the_model_can() -> None:
    async def scenario() -> None:
        world, explore, _ = await exploring()
        for _ in range(2):
            explore.set_sampler(m.Sampler(0.5, "rk4", "karras", 3.0))
            await settle()
        wanted = m.Sampler(0.5, times="karras")  # a flow map has no solver and no guidance
        assert explore.sampler == wanted
        assert [asked.sampler for asked in world.link.of(m.Jump)] == [m.Sampler(), wanted]
        assert world.link.of(m.Trace)[-1].sampler == wanted
        assert (await explore.raw())["t"] == 1.0
        assert world.link.of(m.Jump)[-1].sampler == wanted
        world.models["velocity"] = structs.replace(world.models["points"], capability="velocity")
        await explore.open("velocity")
        assert explore.sampler == m.Sampler(times="karras")
        await settle()

    run(scenario())


@pytest.mark.parametrize(
    ("capability", "fits"),
    [
        ("velocity", m.Sampler(None, "rk4", "karras")),
        ("flow map", m.Sampler(0.5, times="karras")),
        ("endpoint", m.Sampler(times="karras")),
        ("dyadic", m.Sampler()),
    ],
)
def test_what_fits_a_capability(capability: Capability, fits: m.Sampler) -> None:
    wanted = m.Sampler(0.5, "rk4", "karras", 3.0)
    model = structs.replace(MODELS["emoji"], capability=capability)
    assert fitting(wanted, model) == fits
    assert fitting(fits, model) == fits
    assert fitting(wanted, None) == m.Sampler()
    guided = fitting(wanted, structs.replace(model, guidance=Guidance(1.0, 8.0)))
    assert guided == structs.replace(fits, guidance=3.0)
    weaker = fitting(wanted, structs.replace(model, guidance=Guidance(1.0, 2.0)))
    assert weaker == fits  # what the model did not learn is not asked of it
    assert fitting(m.Sampler(1.0), model).gamma == (
        1.0 if capability in ("dyadic", "flow map") else None
    )


def test_times_of_a_dyadic_model_are_those_that_it_knows() -> None:
    async def scenario() -> None:
        world, explore, _ = await exploring()
        explore.set_times(0.7, 0.3)
        world.models["dyadic"] = structs.replace(
            world.models["points"], capability="dyadic", grid=Grid(8)
        )
        await explore.open("dyadic")
        assert (explore.t, explore.s) == (0.75, 0.25)
        explore.set_times(0.51, 0.11)
        assert (explore.t, explore.s) == (0.5, 0.125)
        await until(lambda: explore.states and where(explore) == (0.5, 0.125))

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
        torn = m.Jumped(0, 1.0, 0.0, 1, 1.0, (m.Array("x_t", "float32", (4,)),))
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
        with pytest.raises(Refusal, match="Open a model first"):
            await explore.raw()
        world.link.release()
        asked = len(world.link.asked)
        world.link.open()
        await until(lambda: where(explore) == (0.6, 0.1))
        assert isinstance(world.link.asked[asked], m.OpenModel)
        assert watch.refused == []

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


def test_what_gave_way_is_asked_again_and_not_told() -> None:
    async def scenario() -> None:
        world, explore, watch = await exploring()
        refused: list[m.Trace] = []

        def once(asked: m.Trace) -> m.Message | tuple[m.Message, bytes]:
            if not refused:
                refused.append(asked)
                return m.Refused(asked.id, m.SUPERSEDED)
            return world.trace(asked)

        world.link.on(m.Trace, once)
        explore.set_times(0.6, 0.1)
        await until(lambda: explore.trace is not None and explore.trace.t == 0.6)
        assert len(refused) == 1
        assert watch.refused == []

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


def test_raw_states_for_export() -> None:
    async def scenario() -> None:
        _, explore, _ = await exploring("emoji")
        explore.set_times(0.8, 0.3)
        arrays = await explore.raw()
        assert arrays["x_t"].shape == (16, 3, 16, 16)
        assert arrays["x_s"].dtype == np.float32
        assert (float(arrays["t"]), float(arrays["s"])) == (0.8, 0.3)
        await until(lambda: where(explore) == (0.8, 0.3))

    run(scenario())


def test_playing_sweeps_between_t_and_zero_until_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explore_model, "PERIOD", 0.05)
    monkeypatch.setattr(explore_model, "TICK", 0.001)

    async def scenario() -> None:
        _, explore, watch = await exploring()
        explore.set_times(0.8, 0.4)
        await until(lambda: where(explore) == (0.8, 0.4))
        explore.play()
        explore.play()
        await until(lambda: len(watch.shown) > 50)
        explore.stop_playing()
        explore.stop_playing()
        assert not explore.playing
        assert {t for t, _ in watch.shown[2:]} == {0.8}
        sweep = [s for _, s in watch.shown[2:]]
        assert all(0 <= s <= 0.8 for s in sweep)
        turns = np.sign(np.diff(sweep))
        assert {-1.0, 1.0} <= set(turns)
        stands = explore.s
        await settle()
        assert explore.s == stands

    run(scenario())


def test_playing_ends_with_the_engine() -> None:
    async def scenario() -> None:
        world, explore, _ = await exploring()
        explore.play()
        world.link.die()
        assert not explore.playing
        await settle()

    run(scenario())


def test_a_dear_trace_waits_for_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explore_model, "REST", 0.02)

    async def scenario() -> None:
        world, explore, _ = await exploring()
        explore._trace_seconds = 1.0
        before = len(world.link.of(m.Trace))
        for n in range(1, 11):
            explore.set_times(1.0, n / 20)
            await until(lambda: where(explore) == (explore.t, explore.s))
        assert len(world.link.of(m.Trace)) <= before + 2
        await until(lambda: explore.trace and explore.trace.s == explore.s)

    run(scenario())


def test_what_is_kept_goes_with_the_picture_that_it_was_of() -> None:
    async def scenario() -> None:
        world = FakeWorld()
        explore = ExploreModel(world.link)
        world.link.open()
        await explore.open("emoji")
        await until(lambda: explore.states is not None)
        explore.set_source(m.Source("data", count=4))
        explore.set_sampler(m.Sampler(keep=m.Keep("brightness")))
        await until(lambda: world.link.of(m.Jump)[-1].sampler.keep is not None)
        explore.set_source(m.Source(count=4))
        await until(lambda: world.link.of(m.Jump)[-1].source.kind == "noise")
        assert world.link.of(m.Jump)[-1].sampler.keep is None
        await explore.open("points")
        explore.set_sampler(m.Sampler(keep=m.Keep("brightness")))
        assert explore.sampler.keep is None  # points have nothing to keep

    run(scenario())
