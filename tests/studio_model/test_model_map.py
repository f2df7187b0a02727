"""Maps under the pad: filled outward from the hand, begun anew where something else is meant."""

import numpy as np
import pytest
from fake_world import FakeWorld
from loops import run, settle, until

from engine.contract import messages as m
from engine.contract.catalogue import Model
from studio.model import map_model
from studio.model.explore_model import ExploreModel
from studio.model.map_field import Field
from studio.model.map_model import MapModel


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_model, "REST", 0.0)


async def mapping(name: str = "points") -> tuple[FakeWorld, ExploreModel, MapModel]:
    world = FakeWorld()
    explore = ExploreModel(world.link)
    maps = MapModel(world.link, explore)
    world.link.open()
    await explore.open(name)
    await until(lambda: explore.states is not None)
    return world, explore, maps


def whole(maps: MapModel) -> bool:
    return maps.field is not None and maps.field.whole


def test_a_map_is_filled_with_what_the_engine_says() -> None:
    async def scenario() -> None:
        world, _, maps = await mapping()
        maps.choose("error")
        await until(lambda: whole(maps))
        field = maps.field
        assert field is not None
        assert len(field.cells) == 24 * 25 // 2
        assert np.allclose(field.values, field.cells[:, 0] - field.cells[:, 1])
        assert np.allclose(field.nothing, 2 * field.values)
        assert field.most == pytest.approx(23 / 24)
        assert sum(len(asked.cells) for asked in world.link.of(m.Map)) == len(field.cells)

    run(scenario())


def test_it_grows_outward_from_the_hand() -> None:
    async def scenario() -> None:
        world, explore, maps = await mapping()
        explore.set_times(0.6, 0.3)
        maps.choose("error")
        await until(lambda: whole(maps))
        first = world.link.of(m.Map)[0].cells
        assert len(first) == map_model.FIRST
        assert all(max(abs(t - 0.6), abs(s - 0.3)) < 0.06 for t, s in first)

    run(scenario())


def test_the_hand_reads_the_place_it_lies_in() -> None:
    cells = np.array([[0.75, 0.25], [0.25, 0.25]])
    field = Field(cells, np.array([2.0, np.nan], np.float32), np.zeros(0, np.float32), 0.5)
    assert field.at(0.9, 0.1) == 2.0
    assert np.isnan(field.at(0.2, 0.2))
    assert not field.whole
    assert field.most == 2.0


def test_moving_the_hand_asks_for_nothing_anew() -> None:
    async def scenario() -> None:
        world, explore, maps = await mapping()
        maps.choose("error")
        await until(lambda: whole(maps))
        asked = len(world.link.of(m.Map))
        explore.set_times(0.4, 0.1)
        explore.set_steps(3)
        await settle()
        assert len(world.link.of(m.Map)) == asked

    run(scenario())


def test_another_seed_or_kind_begins_anew() -> None:
    async def scenario() -> None:
        world, explore, maps = await mapping()
        maps.choose("error")
        await until(lambda: whole(maps))
        explore.set_source(m.Source(seed=5))
        assert maps.field is not None
        assert not maps.field.whole
        await until(lambda: whole(maps))
        assert world.link.of(m.Map)[-1].source.seed == 5
        maps.choose("defect")
        maps.set_middle(0.25)
        await until(lambda: whole(maps))
        assert world.link.of(m.Map)[-1].middle == 0.25
        maps.choose(None)
        assert maps.field is None

    run(scenario())


def test_what_cannot_be_drawn_is_said_and_not_asked() -> None:
    async def scenario() -> None:
        world, _, maps = await mapping()
        maps.choose("distance")
        await settle()
        assert "Add another model" in maps.problem
        assert world.link.of(m.Map) == []
        told: list[str] = []
        maps.changed.connect(lambda: told.append(maps.problem))
        maps.choose(None)
        assert told == [""]
        maps.choose("distance")
        other = world.models["points"]
        maps.compare(Model("other", "Other", *[getattr(other, f) for f in FIELDS]))
        await until(lambda: whole(maps))
        assert world.link.of(m.Map)[-1].other == "other"
        assert maps.problem == ""

    run(scenario())


FIELDS = Model.__struct_fields__[2:]


def test_a_refusal_is_shown_and_ends_the_map(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        monkeypatch.setattr(map_model, "AGAIN", 0.0)
        world, _, maps = await mapping()
        world.link.on(m.Map, lambda r: m.Refused(r.id, "No truth is known."))
        maps.choose("error")
        await until(lambda: bool(maps.problem))
        assert maps.problem == "No truth is known."
        assert maps.field is None
        assert len(world.link.of(m.Map)) == 2
        world.link.on(m.Map, world.map)
        maps.choose("error")
        await until(lambda: whole(maps))
        assert maps.problem == ""

    run(scenario())


def test_what_a_jump_took_the_place_of_is_asked_again() -> None:
    async def scenario() -> None:
        world, _, maps = await mapping()
        refused: list[m.Map] = []

        def once(request: m.Map) -> m.Message | tuple[m.Message, bytes]:
            if not refused:
                refused.append(request)
                return m.Refused(request.id, "superseded")
            return world.map(request)

        world.link.on(m.Map, once)
        maps.choose("error")
        await until(lambda: whole(maps))
        assert len(refused) == 1

    run(scenario())


def test_answers_that_are_not_finite_end_too() -> None:
    async def scenario() -> None:
        world, _, maps = await mapping()

        def odd(request: m.Map) -> tuple[m.Message, bytes]:
            found, payload = world.map(request)
            values = np.frombuffer(payload, np.float32).copy()
            values[0] = np.nan
            return found, values.tobytes()

        world.link.on(m.Map, odd)
        maps.choose("defect")
        await until(lambda: whole(maps))
        assert maps.field is not None
        assert np.isinf(maps.field.values).any()
        assert np.isfinite(maps.field.most)

    run(scenario())


def test_a_map_goes_on_when_the_engine_comes_back() -> None:
    async def scenario() -> None:
        world, explore, maps = await mapping()

        def last(asked: m.Map) -> tuple[m.Message, bytes]:
            world.link.hold()  # no further answer
            return world.map(asked)

        world.link.on(m.Map, last)
        maps.choose("error")
        await until(lambda: len(world.link.of(m.Map)) == 2)
        world.link.die("gone")
        await settle()
        assert not whole(maps)
        world.link.on(m.Map, world.map)
        world.link.release()
        world.link.open()
        await until(lambda: whole(maps))
        assert explore.model is not None

    run(scenario())
