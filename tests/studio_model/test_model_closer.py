"""What looks closer at a jump: pixels, fields as pictures, the chord, the numbers of a place."""

import asyncio

import numpy as np
import pytest
from fake_world import FakeWorld
from loops import run, settle, until
from msgspec import structs

from engine.contract import messages as m
from studio.model import tracing
from studio.model.chord_model import ChordModel
from studio.model.companions import TRUTH, Companions
from studio.model.explore_model import ExploreModel
from studio.model.held_model import REST, HeldModel
from studio.model.map_model import MapModel
from studio.model.picture_field_model import PictureFieldModel
from studio.model.pixel_model import MOST, PixelModel, brightness
from studio.model.quality_model import QualityModel


class World:
    """A made-up engine with a model in hand, and all that looks closer."""

    def __init__(self) -> None:
        self.engine = FakeWorld()
        self.link = self.engine.link
        self.explore = ExploreModel(self.link)
        self.companions = Companions(self.link, self.explore)
        self.maps = MapModel(self.link, self.explore)
        self.quality = QualityModel(self.link, self.explore)
        self.held = HeldModel(self.link, self.explore, self.maps, self.quality)
        self.chord = ChordModel(self.link, self.explore)
        self.pixels = PixelModel(self.link, self.explore, self.companions)
        self.fields = PictureFieldModel(self.link, self.explore)

    async def open(self, name: str) -> "World":
        self.link.open()
        await self.explore.open(name)
        await until(lambda: self.explore.states is not None)
        return self


def test_pixels_follow_the_slider_and_keep_their_colours() -> None:
    async def scenario() -> None:
        world = await World().open("emoji")
        pixels, explore = world.pixels, world.explore
        explore.set_times(0.9, 0.2)
        await settle()
        assert world.link.of(m.Pixels) == []  # nothing is asked before a pixel is chosen
        pixels.toggle((0, 1, 2))
        pixels.toggle((3, 4, 5))
        await until(lambda: pixels.fresh and len(pixels.paths.pixels) == 2)
        assert pixels.paths.learned.shape == (24, 2, 3)
        assert (pixels.paths.times[0], pixels.paths.times[-1]) == (0.9, 0.2)
        assert pixels.paths.exact is None
        pixels.toggle((0, 1, 2))
        pixels.toggle((6, 7, 8))
        assert pixels.chosen == {(3, 4, 5): 1, (6, 7, 8): 0}
        explore.set_times(0.5, 0.2)
        await until(lambda: explore.states.t == 0.5 and pixels.fresh)
        assert pixels.paths.times[0] == 0.5
        pixels.let_go()
        assert list(pixels.chosen) == [(3, 4, 5)]
        pixels.clear()
        assert (pixels.chosen, pixels.paths) == ({}, None)

    run(scenario())


def test_older_paths_stay_and_are_not_fresh() -> None:
    async def scenario() -> None:
        world = await World().open("emoji")
        pixels, explore = world.pixels, world.explore
        pixels.toggle((0, 0, 0))
        await until(lambda: pixels.fresh)
        world.link.on(m.Pixels, lambda r: m.Refused(r.id, m.SUPERSEDED))
        explore.set_times(0.7, 0.1)
        await until(lambda: explore.states.t == 0.7)
        assert pixels.paths is not None
        assert not pixels.fresh
        world.link.on(m.Pixels, world.engine.pixels)
        await until(lambda: pixels.fresh)  # what gave way is asked again

    run(scenario())


def test_the_true_paths_come_with_the_true_flow() -> None:
    async def scenario() -> None:
        world = await World().open("emoji")
        pixels = world.pixels
        pixels.toggle((0, 0, 0))
        await until(lambda: pixels.fresh)
        await world.companions.add(TRUTH)
        await until(lambda: pixels.paths.exact is not None)
        assert np.allclose(pixels.paths.exact, pixels.paths.learned + 0.1, atol=1e-6)
        before = len(world.link.of(m.Pixels))
        world.explore.set_times(0.8, 0.0)
        await until(lambda: pixels.paths.times[0] == 0.8 and pixels.paths.exact is not None)
        asked = [r.truth for r in world.link.of(m.Pixels)[before:]]
        assert asked == [False, True]  # the learned ones do not wait for the true ones

    run(scenario())


def test_where_the_truth_cannot_be_had_the_learned_paths_stay() -> None:
    async def scenario() -> None:
        world = await World().open("emoji")
        pixels = world.pixels
        world.link.on(
            m.Pixels,
            lambda r: m.Refused(r.id, "Too many.") if r.truth else world.engine.pixels(r),
        )
        pixels.toggle((0, 0, 0))
        await world.companions.add(TRUTH)
        await until(lambda: pixels.problem == "Too many.")
        assert pixels.fresh
        assert pixels.paths.learned is not None

    run(scenario())


@pytest.mark.parametrize("refused", [False, True])
def test_what_another_model_answered_is_not_said_of_the_one_in_hand(refused: bool) -> None:
    async def scenario() -> None:
        world = await World().open("points")
        chord = world.chord
        if refused:
            world.link.on(m.Chord, lambda r: m.Refused(r.id, f"{r.model} is too large."))
        chord.switch(True)
        world.link.hold()
        chord.look_at((0.0, 0.0))
        await until(lambda: world.link.of(m.Chord))
        opening = asyncio.ensure_future(world.explore.open("emoji"))
        await until(lambda: world.link.of(m.OpenModel)[-1].model == "emoji")
        world.link.release_last()  # the model is there before the older answer is
        await opening
        world.link.release()
        await settle()
        assert (chord.seen, chord.problem) == (None, "")

    run(scenario())


def test_pixels_that_are_not_there_are_let_go_and_no_more_than_have_colours() -> None:
    async def scenario() -> None:
        world = await World().open("emoji")
        pixels, explore, refused = world.pixels, world.explore, []
        pixels.refused.connect(refused.append)
        for n in range(MOST + 1):
            pixels.toggle((n, 0, 0))
        assert len(pixels.chosen) == len(set(pixels.chosen.values())) == MOST
        assert refused == ["At most 8 pixels are told apart; let one go first."]
        explore.set_source(structs.replace(explore.source, count=4))
        await until(lambda: len(explore.states.x_t) == 4)
        assert [n for n, _, _ in pixels.chosen] == [0, 1, 2, 3]
        await explore.open("points")
        await until(lambda: explore.states is not None)
        assert pixels.chosen == {}

    run(scenario())


def test_brightness_is_of_any_number_of_channels() -> None:
    assert brightness(np.ones((4, 3), np.float32)) == pytest.approx(np.ones(4))
    assert brightness(np.array([[0.25]], np.float32)) == pytest.approx([0.25])


def test_fields_are_asked_only_while_they_are_wanted() -> None:
    async def scenario() -> None:
        world = await World().open("emoji")
        fields, explore = world.fields, world.explore
        explore.set_times(0.75, 0.5)
        await settle()
        assert world.link.of(m.PictureFields) == []
        fields.want(True)
        await until(lambda: fields.seen is not None and fields.seen.t == 0.75)
        assert fields.seen.v.shape == (16, 16, 16, 3)
        assert np.allclose(fields.seen.apart, 0.25 - 0.75)
        fields.toggle()
        asked = len(world.link.of(m.PictureFields))
        explore.set_times(0.25, 0.0)
        await settle()
        assert len(world.link.of(m.PictureFields)) == asked
        fields.toggle()
        await explore.open("points")
        assert fields.seen is None
        await settle()
        assert world.link.of(m.PictureFields)[-1].model == "emoji"

    run(scenario())


def test_what_keeps_jumps_waiting_is_not_asked_while_one_is_on_its_way() -> None:
    async def scenario() -> None:
        world = await World().open("emoji")
        fields, link = world.fields, world.link
        link.on(m.PictureFields, lambda r: m.Refused(r.id, m.SUPERSEDED))
        fields.want(True)
        await until(lambda: link.of(m.PictureFields) and not link._waiting)
        link.on(m.PictureFields, world.engine.picture_fields)
        link.hold()
        world.explore.set_times(0.5, 0.2)
        await asyncio.sleep(5 * tracing.REST)
        assert len(link.of(m.PictureFields)) == 1
        link.release()
        await until(lambda: fields.fresh and fields.seen.t == 0.5)

    run(scenario())


def test_fields_of_a_jump_long_past_are_not_shown_again() -> None:
    async def scenario() -> None:
        world = await World().open("emoji")
        fields, explore = world.fields, world.explore
        fields.want(True)
        await until(lambda: fields.fresh)
        world.link.on(m.PictureFields, lambda r: m.Refused(r.id, m.SUPERSEDED))
        explore.set_source(structs.replace(explore.source, seed=5))
        await until(lambda: explore.states.source.seed == 5)
        assert fields.seen is not None
        assert not fields.fresh  # the same times, but of other samples
        fields.want(False)
        fields.want(True)
        assert fields.seen is None
        world.link.on(m.PictureFields, world.engine.picture_fields)
        await until(lambda: fields.fresh)

    run(scenario())


def test_the_chord_follows_the_cursor_and_the_slider() -> None:
    async def scenario() -> None:
        world = await World().open("points")
        chord, explore = world.chord, world.explore
        chord.look_at((1.0, 0.5))
        await settle()
        assert world.link.of(m.Chord) == []
        chord.switch(True)
        await until(lambda: chord.seen is not None)
        assert np.allclose(chord.seen.chord, (-1.0, -0.5))
        assert (chord.seen.curvature, chord.seen.exact) == (2.0, 1.5)
        explore.set_times(0.75, 0.25)
        await until(lambda: chord.seen.t == 0.75)
        assert np.allclose(chord.seen.tangent, (-0.5 * 0.75, -0.5 * 0.25))
        chord.look_at((0.0, 2.0))
        await until(lambda: chord.seen.place == (0.0, 2.0))
        chord.look_at(None)
        assert chord.seen is None
        chord.look_at((1.0, 1.0))
        await until(lambda: chord.seen is not None)
        await explore.open("emoji")
        assert chord.seen is None

    run(scenario())


def test_what_fails_is_said_and_forgotten_with_the_next_answer() -> None:
    async def scenario() -> None:
        world = await World().open("points")
        chord = world.chord
        chord.switch(True)
        world.link.on(m.Chord, lambda r: m.Refused(r.id, "Memory ran out."))
        chord.look_at((0.0, 0.0))
        await until(lambda: chord.problem)
        assert (chord.seen, chord.problem) == (None, "Memory ran out.")
        world.link.on(m.Chord, world.engine.chord)
        chord.look_at((1.0, 0.0))
        await until(lambda: chord.seen is not None)
        assert chord.problem == ""

    run(scenario())


def test_the_held_place_is_asked_when_the_hand_rests_one_cell_at_a_time() -> None:
    async def scenario() -> None:
        world = await World().open("points")
        held, explore = world.held, world.explore
        held.want(True)
        for s in (0.5, 0.4, 0.3):
            explore.set_times(0.8, s)
        assert world.link.of(m.Map) == []
        await until(lambda: not held.asking)
        asked = world.link.of(m.Map)
        assert [r.kind for r in asked] == ["defect", "residual", "error"]
        assert {r.cells for r in asked} == {((0.8, 0.3),)}
        assert held.numbers["defect"].value == pytest.approx(0.5)
        explore.set_times(0.8, 0.2)
        assert held.stale("defect")  # it stays in sight, and is said to be old
        await until(lambda: not held.asking)
        assert held.numbers["defect"].value == pytest.approx(0.6)
        assert not held.stale("defect")
        explore.set_source(structs.replace(explore.source, seed=7))
        assert held.stale("defect")  # of other samples
        await until(lambda: not held.asking)
        world.link.hold()
        opening = asyncio.ensure_future(explore.open("emoji"))
        await until(lambda: world.link.of(m.OpenModel)[-1].model == "emoji")
        world.link.release_last()
        await opening
        assert held.numbers == {}  # those of another model would mislead
        world.link.release()
        await until(lambda: not held.asking)

    run(scenario())


def test_the_defect_is_cut_where_the_map_is_and_gives_way() -> None:
    async def scenario() -> None:
        world = await World().open("points")
        held, gone = world.held, iter([True, True])
        world.link.on(
            m.Map,
            lambda r: m.Refused(r.id, m.SUPERSEDED) if next(gone, False) else world.engine.map(r),
        )
        world.maps.set_middle(0.25)
        held.want(True)
        await until(lambda: not held.asking)
        assert {r.middle for r in world.link.of(m.Map)} == {0.25}
        assert len(world.link.of(m.Map)) == 5
        world.maps.choose("defect")
        await until(lambda: world.maps.field.whole)
        before = len(world.link.of(m.Map))
        world.maps.set_middle(0.75)
        await until(lambda: world.maps.field.whole and not held.asking)
        here = [r for r in world.link.of(m.Map)[before:] if r.cells == ((1.0, 0.0),)]
        assert [(r.kind, r.middle) for r in here] == [("defect", 0.75)]

    run(scenario())


def test_what_a_model_cannot_be_asked_is_not() -> None:
    async def scenario() -> None:
        world = World()
        points = world.engine.models["points"]
        world.engine.models["points"] = structs.replace(points, method="ecm", capability="endpoint")
        await world.open("points")
        held, explore = world.held, world.explore
        explore.set_times(0.8, 0.3)
        held.want(True)
        assert held.kinds() == ("error",)
        assert "Noise is added" in held.why_not("error")
        await settle()
        assert world.link.of(m.Map) == []
        explore.set_times(0.8, 0.0)
        await until(lambda: "error" in held.numbers)

    run(scenario())


def test_a_failure_is_said_once_and_the_rest_goes_on() -> None:
    async def scenario() -> None:
        world = await World().open("points")
        held = world.held
        world.link.on(
            m.Map,
            lambda r: (
                m.Refused(r.id, "Memory ran out.") if r.kind == "residual" else world.engine.map(r)
            ),
        )
        held.want(True)
        await until(lambda: not held.asking)
        assert held.why_not("residual") == "Memory ran out."
        assert set(held.numbers) == {"defect", "error"}
        assert len(world.link.of(m.Map)) == 3
        world.link.on(m.Map, world.engine.map)
        held.want(False)
        held.want(True)  # it is looked at anew
        await until(lambda: "residual" in held.numbers)

    run(scenario())


def test_the_dear_truth_of_pictures_waits_for_a_training() -> None:
    async def scenario() -> None:
        world = await World().open("emoji")
        held = world.held
        world.quality.hold(True)
        held.want(True)
        await until(lambda: "residual" in held.numbers and not held.asking)
        assert "until the training is done" in held.why_not("error")
        world.quality.hold(False)
        await until(lambda: "error" in held.numbers)

    run(scenario())


def test_a_map_and_the_held_place_do_not_end_each_others_questions() -> None:
    async def scenario() -> None:
        world = await World().open("points")
        world.link.hold()
        world.maps.choose("error")
        world.held.want(True)
        await until(lambda: world.link.of(m.Map))
        await asyncio.sleep(2 * REST)
        assert len(world.link.of(m.Map)) == 1  # of two the engine refuses the older one
        world.link.release()
        await until(lambda: world.maps.field is not None and world.maps.field.whole)
        await until(lambda: not world.held.asking)
        one_cell = [r for r in world.link.of(m.Map) if len(r.cells) == 1]
        assert {r.kind for r in one_cell} >= {"defect", "residual"}

    run(scenario())
