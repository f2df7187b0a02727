"""Fields of the jump in hand: asked while wanted, of points alone, of what is seen of the plane."""

import numpy as np
from fake_world import FakeWorld
from loops import run, settle, until

from engine.contract import messages as m
from engine.contract.arrays import pack
from studio.model.explore_model import ExploreModel
from studio.model.field_model import PARTS, FieldModel
from studio.theme.tokens import DARK
from studio.view.explore.field_layers import field_layers

SQUARE = (0.0, 0.0, 2.0)


async def fielded(name: str = "points") -> tuple[FakeWorld, ExploreModel, FieldModel]:
    world = FakeWorld()
    explore = ExploreModel(world.link)
    fields = FieldModel(world.link, explore)
    world.link.open()
    await explore.open(name)
    await until(lambda: explore.states is not None)
    return world, explore, fields


def test_nothing_is_asked_before_it_is_wanted_and_seen() -> None:
    async def scenario() -> None:
        world, explore, fields = await fielded()
        fields.look_at(SQUARE)
        explore.set_times(0.5, 0.1)
        await settle()
        assert world.link.of(m.Fields) == []
        fields.choose("v", True)
        await until(lambda: fields.seen is not None)
        assert (fields.seen.t, fields.seen.s) == (0.5, 0.1)
        explore.set_times(0.4, 0.1)
        await until(lambda: fields.seen.t == 0.4)
        assert np.allclose(fields.seen.v, (0.4, 0.1))
        fields.choose("v", False)
        asked = len(world.link.of(m.Fields))
        explore.set_times(0.3, 0.1)
        await settle()
        assert len(world.link.of(m.Fields)) == asked

    run(scenario())


def test_a_field_of_a_jump_long_past_is_not_drawn_again() -> None:
    async def scenario() -> None:
        world, explore, fields = await fielded()
        fields.look_at(SQUARE)
        fields.choose("v", True)
        await until(lambda: fields.seen is not None)
        fields.choose("v", False)
        explore.set_times(0.5, 0.1)
        await until(lambda: explore.states.t == 0.5)
        world.link.hold()
        fields.choose("v", True)
        assert fields.seen is None
        world.link.release()
        await until(lambda: fields.seen is not None and fields.seen.t == 0.5)

    run(scenario())


def test_another_window_is_asked_anew_and_pictures_have_none() -> None:
    async def scenario() -> None:
        world, explore, fields = await fielded()
        fields.choose("u", True)
        fields.look_at(SQUARE)
        await until(lambda: fields.seen is not None)
        fields.look_at((1.0, 0.0, 3.0))
        await until(lambda: fields.seen.places[0, 0, 0] == -2.0)
        asked = len(world.link.of(m.Fields))
        await explore.open("emoji")
        assert fields.seen is None
        await settle()
        assert len(world.link.of(m.Fields)) == asked

    run(scenario())


def test_what_gave_way_is_asked_again_and_what_fails_is_said() -> None:
    async def scenario() -> None:
        world, explore, fields = await fielded()
        gone = iter([True])
        world.link.on(
            m.Fields,
            lambda r: m.Refused(r.id, m.SUPERSEDED) if next(gone, False) else world.fields(r),
        )
        fields.choose("u", True)
        fields.look_at(SQUARE)
        await until(lambda: fields.seen is not None)
        world.link.on(m.Fields, lambda r: m.Refused(r.id, "Memory ran out."))
        explore.set_times(0.2, 0.1)
        await until(lambda: fields.problem)
        assert (fields.seen, fields.problem) == (None, "Memory ran out.")

    run(scenario())


def test_arrows_and_mesh_are_what_the_fields_say() -> None:
    async def scenario() -> None:
        _, explore, fields = await fielded()
        explore.set_times(1.0, 0.5)
        fields.choose("mesh", True)
        fields.look_at(SQUARE)
        await until(lambda: fields.seen is not None and fields.seen.s == 0.5)
        seen = fields.seen
        (mesh,) = field_layers(seen, ("mesh",), True, DARK)
        assert mesh.places.shape == (PARTS, 2 * PARTS, 2)
        # u = -x, so over half of the time every place moves outward by half of itself.
        assert np.allclose(mesh.places[:, :PARTS], 1.5 * seen.places, atol=1e-5)
        v, u = field_layers(seen, ("v", "u"), True, DARK)
        assert (v.name, u.name) == ("velocity", "average velocity")
        assert np.allclose(u.places[0], seen.places.reshape(-1, 2))
        way = u.places[1] - u.places[0]
        longest = np.hypot(way[:, 0], way[:, 1]).max()
        gap = seen.places[0, 1, 0] - seen.places[0, 0, 0]
        assert 0.85 * gap < longest <= 0.9 * gap + 1e-6
        assert (np.sum(way * seen.places.reshape(-1, 2), 1) <= 1e-6).all()
        assert field_layers(seen, (), True, DARK) == []
        assert field_layers(None, ("v",), True, DARK) == []

    run(scenario())


def test_a_field_that_a_model_does_not_know_is_said() -> None:
    async def scenario() -> None:
        world, _, fields = await fielded()

        def nothing(r: m.Fields):
            places = np.zeros((r.parts**2, 2), np.float32)
            described, payload = pack({"places": places, "v": places[:0], "u": places[:0]})
            return m.FieldsAnswer(r.id, described), payload

        world.link.on(m.Fields, nothing)
        fields.look_at(SQUARE)
        assert fields.said == ""
        fields.choose("v", True)
        await until(lambda: fields.seen is not None)
        assert fields.said == "This model knows no velocity."
        fields.choose("v", False)
        assert fields.said == ""
        fields.choose("mesh", True)
        assert fields.said == "Noise is added on the way: no average velocity."

    run(scenario())
