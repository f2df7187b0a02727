"""Times, source and sampler: asked for once, as far as the model in hand can; and playing."""

import numpy as np
import pytest
from exploring import exploring, where
from fake_world import MODELS, FakeWorld
from loops import run, settle, until
from msgspec import structs

from engine.contract import messages as m
from engine.contract.catalogue import Capability, Grid, Guidance
from studio.model import explore_model
from studio.model.explore_model import ExploreModel
from studio.model.explore_sampler import fitting


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
