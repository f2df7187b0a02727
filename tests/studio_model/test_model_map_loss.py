"""The map of the training loss: that of the step in hand, and of a run that is being trained."""

import numpy as np
import pytest
from fake_world import FakeWorld
from loops import run, settle, until

from engine.contract import messages as m
from engine.contract.arrays import pack
from engine.contract.maps import LOSS_PARTS
from studio.model import map_model
from studio.model.explore_model import ExploreModel
from studio.model.map_field import trained
from studio.model.map_model import MapModel


def losses(world: FakeWorld, ahead: int = 0) -> None:
    """A loss of t everywhere below the diagonal, at the step that is asked for, or the newest."""

    def answer(asked: m.ReadLoss) -> m.Message | tuple[m.Message, bytes]:
        if asked.run not in world.runs:
            return m.Refused(asked.id, f"{asked.run} is no run.")
        step = asked.step if asked.step >= 0 else world.runs[asked.run].step + ahead
        counts = np.tril(np.full((LOSS_PARTS, LOSS_PARTS), 2, np.float32))
        sums = counts * np.arange(LOSS_PARTS, dtype=np.float32)[:, None]
        arrays, payload = pack({"sums": sums, "counts": counts})
        return m.LossAnswer(asked.id, step, arrays), payload

    world.link.on(m.ReadLoss, answer)


async def training() -> tuple[FakeWorld, ExploreModel, MapModel]:
    world = FakeWorld()
    losses(world)
    world.add_run("one")
    for _ in range(3):
        world.train("one", 100)
    explore = ExploreModel(world.link)
    maps = MapModel(world.link, explore)
    world.link.open()
    await explore.open("one")
    maps.choose("loss")
    await until(lambda: maps.field is not None)
    return world, explore, maps


def step(maps: MapModel) -> int:
    return maps.field.step if maps.field else -1


def test_its_places_are_the_means_and_the_shares_of_the_training() -> None:
    sums, counts = np.zeros((2, LOSS_PARTS, LOSS_PARTS), np.float32)
    sums[12, 3], counts[12, 3] = 6.0, 3.0
    sums[20, 20], counts[20, 20] = 1.0, 9.0
    field = trained(70, sums, counts)
    assert field.at(12.5 / LOSS_PARTS, 3.2 / LOSS_PARTS) == 2.0
    assert field.share_at(12.5 / LOSS_PARTS, 3.2 / LOSS_PARTS) == pytest.approx(0.25)
    assert np.isnan(field.at(0.9, 0.1))
    assert field.share_at(0.9, 0.1) == 0
    assert (field.most, field.step, field.whole) == (2.0, 70, True)
    assert np.isnan(trained(0, 0 * sums, 0 * counts).values).all()


def test_a_run_shows_its_newest_and_a_film_step_its_own() -> None:
    async def scenario() -> None:
        world, explore, maps = await training()
        assert step(maps) == 300
        assert world.link.of(m.ReadLoss)[-1].step == -1
        seen: list[bool] = []
        maps.changed.connect(lambda: seen.append(maps.field is None))
        await explore.open("one@200")
        await until(lambda: step(maps) == 200)
        assert world.link.of(m.ReadLoss)[-1].step == 200
        assert not any(seen)  # the one before stays until it is there
        assert world.link.of(m.Map) == []

    run(scenario())


def test_it_follows_a_run_that_is_trained_but_no_step_that_is_past(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario() -> None:
        world, explore, maps = await training()
        asked = len(world.link.of(m.ReadLoss))
        world.runs["one"] = world._set("one", step=340)
        world.link.notice(world.progress("one"))
        await settle()
        assert len(world.link.of(m.ReadLoss)) == asked  # not as often as progress is told
        monkeypatch.setattr(map_model, "LIVE", 0.0)
        world.link.notice(world.progress("one"))
        await until(lambda: step(maps) == 340)
        await explore.open("one@200")
        await until(lambda: step(maps) == 200)
        asked = len(world.link.of(m.ReadLoss))
        world._set("one", step=380)
        world.link.notice(world.progress("one"))
        await settle()
        assert len(world.link.of(m.ReadLoss)) == asked

    run(scenario())


def test_what_is_no_run_says_so_and_the_next_run_is_drawn() -> None:
    async def scenario() -> None:
        _, explore, maps = await training()
        await explore.open("points")
        await until(lambda: bool(maps.problem))
        assert maps.problem == "points is no run."
        assert maps.field is None
        await explore.open("one")
        await until(lambda: step(maps) == 300)
        assert maps.problem == ""

    run(scenario())


def test_another_map_is_measured_again_and_the_loss_does_not_depend_on_the_seed() -> None:
    async def scenario() -> None:
        world, explore, maps = await training()
        asked = len(world.link.of(m.ReadLoss))
        explore.set_source(m.Source(seed=4))
        await settle()
        assert len(world.link.of(m.ReadLoss)) == asked
        maps.choose("error")
        await until(lambda: maps.field is not None and maps.field.whole)
        assert maps.field is not None
        assert maps.field.share is None
        maps.choose(None)
        assert maps.field is None

    run(scenario())
