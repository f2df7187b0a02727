"""Quality by steps: asked one number after the other, while somebody looks."""

import pytest
from fake_world import FakeWorld
from loops import run, settle, until
from msgspec import structs

from engine.contract import messages as m
from engine.contract.catalogue import Grid
from studio.model import quality_model
from studio.model.explore_model import ExploreModel
from studio.model.quality_model import COUNTS, QualityModel


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality_model, "REST", 0.0)


async def measuring(name: str = "points") -> tuple[FakeWorld, ExploreModel, QualityModel]:
    world = FakeWorld()
    world.models["pd"] = structs.replace(
        world.models["points"], name="pd", method="pd", capability="dyadic", grid=Grid(4, 1)
    )
    explore = ExploreModel(world.link)
    quality = QualityModel(world.link, explore)
    world.link.open()
    await explore.open(name)
    await until(lambda: explore.states is not None)
    return world, explore, quality


def test_every_number_of_steps_is_measured_once_while_somebody_looks() -> None:
    async def scenario() -> None:
        world, explore, quality = await measuring()
        await settle()
        assert world.link.of(m.Measure) == []
        quality.want(True)
        await until(lambda: len(quality.found) == len(COUNTS))
        assert [asked.steps for asked in world.link.of(m.Measure)] == list(COUNTS)
        assert quality.found[4].sliced == pytest.approx(0.2)
        explore.set_times(0.4, 0.2)
        await settle()
        assert len(world.link.of(m.Measure)) == len(COUNTS)

    run(scenario())


def test_another_seed_is_measured_anew_and_nobody_looking_ends_it() -> None:
    async def scenario() -> None:
        world, explore, quality = await measuring()
        quality.want(True)
        await until(lambda: len(quality.found) == len(COUNTS))
        explore.set_source(m.Source(seed=9))
        assert quality.found == {}
        await until(lambda: len(quality.found) == len(COUNTS))
        assert world.link.of(m.Measure)[-1].source.seed == 9
        quality.want(False)
        explore.set_source(m.Source(seed=10))
        await settle()
        assert world.link.of(m.Measure)[-1].source.seed == 9

    run(scenario())


def test_a_distilled_model_is_asked_for_its_own_steps_only() -> None:
    async def scenario() -> None:
        world, _, quality = await measuring("pd")
        quality.want(True)
        await until(lambda: len(quality.found) == 1)
        await settle()
        assert [asked.steps for asked in world.link.of(m.Measure)] == [4]

    run(scenario())


def test_what_gave_way_is_asked_again() -> None:
    async def scenario() -> None:
        world, _, quality = await measuring()
        refused: list[m.Measure] = []

        def once(asked: m.Measure) -> m.Message:
            if not refused:
                refused.append(asked)
                return m.Refused(asked.id, m.SUPERSEDED)
            return world.measure(asked)

        world.link.on(m.Measure, once)
        quality.want(True)
        await until(lambda: len(quality.found) == len(COUNTS))
        assert len(refused) == 1

    run(scenario())


def test_a_refusal_is_kept_as_a_sentence() -> None:
    async def scenario() -> None:
        world, _, quality = await measuring()
        world.link.on(m.Measure, lambda asked: m.Refused(asked.id, "No data is here."))
        quality.want(True)
        await until(lambda: quality.problem == "No data is here.")
        assert quality.found == {}

    run(scenario())


def test_a_training_is_not_slowed_unless_somebody_insists() -> None:
    async def scenario() -> None:
        world, explore, quality = await measuring()
        quality.hold(True)
        quality.want(True)
        await settle()
        assert world.link.of(m.Measure) == []
        assert quality.waits
        quality.force()
        await until(lambda: len(quality.found) == len(COUNTS))
        explore.set_source(m.Source(seed=4))
        await settle()
        assert len(world.link.of(m.Measure)) == len(COUNTS)
        quality.hold(False)
        await until(lambda: world.link.of(m.Measure)[-1].source.seed == 4)

    run(scenario())
