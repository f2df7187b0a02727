"""A closer look on the page: pixels and their curves, fields as pictures, the chord, one place."""

import numpy as np
import pytest
from fake_world import FakeWorld
from msgspec import structs
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from staged_explore import closer_of

from engine.contract import messages as m
from engine.explore.ways import STEPS
from studio.model.catalogue_model import CatalogueModel
from studio.model.companions import Companions
from studio.model.explore_model import ExploreModel
from studio.model.exploring import Exploring
from studio.model.field_model import FieldModel
from studio.model.film_model import FilmModel
from studio.model.held_model import HeldModel
from studio.model.map_model import MapModel
from studio.model.quality_model import QualityModel
from studio.model.runs_model import RunsModel
from studio.model.schedule_model import ScheduleModel
from studio.model.step_model import StepModel
from studio.view.explore.held_part import ROWS, tip
from studio.view.explore.page import ExplorePage
from studio.view.explore.picture_fields_part import shaded
from studio.view.explore.pixel_colours import PIXEL_COLOURS
from studio.view.explore.pixel_hand import PixelHand, stepped

pytestmark = pytest.mark.gui
TIMEOUT = 10_000


@pytest.fixture
def live(qtbot, theme, qt_loop):
    """The page over a made-up engine, with a model of pictures in hand."""
    world = FakeWorld()
    explore, runs = ExploreModel(world.link), RunsModel(world.link)
    companions, catalogue = Companions(world.link, explore), CatalogueModel(world.link)
    maps, film = MapModel(world.link, explore), FilmModel(world.link, explore, runs)
    quality = QualityModel(world.link, explore)
    schedule, fields = ScheduleModel(explore, quality), FieldModel(world.link, explore)
    held = HeldModel(world.link, explore, maps, quality)
    closer = closer_of(world.link, explore, companions, held)
    parts = explore, maps, film, companions, quality, schedule
    models = Exploring(*parts, StepModel(world.link, explore), fields, closer, catalogue, runs)
    page = ExplorePage(models, theme)
    page.closer, page.world = closer, world
    qtbot.addWidget(page)
    page.resize(1200, 740)
    page.show()
    world.link.open()
    page.open("emoji")
    qtbot.waitUntil(lambda: explore.states is not None, timeout=TIMEOUT)
    qtbot.waitUntil(lambda: page.pictures.end.tiles.count == 16, timeout=TIMEOUT)
    return page


def hand_of(grid):
    return grid.findChild(PixelHand)


def point_at(grid, pixel, modifier=Qt.KeyboardModifier.NoModifier):
    place = hand_of(grid).rect(pixel).center().toPoint()
    QTest.mouseClick(grid, Qt.MouseButton.LeftButton, modifier, place)


def test_a_click_with_ctrl_chooses_the_pixel_under_it_in_any_grid(qtbot, live):
    pixels, pictures = live.closer.pixels, live.pictures
    assert not pictures.pixels.isVisible()
    point_at(pictures.end, (5, 3, 12))
    assert pixels.chosen == {}  # a plain click chooses a picture
    assert live.pick.chosen == 5
    point_at(pictures.end, (2, 3, 12), Qt.KeyboardModifier.ControlModifier)
    point_at(pictures.start, (0, 15, 0), Qt.KeyboardModifier.ControlModifier)
    assert pixels.chosen == {(2, 3, 12): 0, (0, 15, 0): 1}
    assert live.pick.chosen == 5
    qtbot.waitUntil(lambda: pixels.fresh, timeout=TIMEOUT)
    assert pictures.pixels.isVisible()
    assert "picture 3, row 4, column 13" in pictures.pixels.plot.accessibleDescription()
    point_at(pictures.end, (2, 3, 12), Qt.KeyboardModifier.ControlModifier)
    assert list(pixels.chosen) == [(0, 15, 0)]
    QTest.mouseClick(pictures.pixels.clear, Qt.MouseButton.LeftButton)
    assert not pictures.pixels.isVisible()


def test_keys_alone_choose_pixels_too(qtbot, live):
    pixels, pictures = live.closer.pixels, live.pictures
    live.pick.choose(1)
    QTest.keyClick(live, Qt.Key.Key_P)
    assert pictures.pixels_button.isChecked()
    assert pictures.end.hasFocus()
    QTest.keyClick(pictures.end, Qt.Key.Key_Return)
    assert list(pixels.chosen) == [(1, 8, 8)]
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Down):
        QTest.keyClick(pictures.end, key)
    QTest.keyClick(pictures.end, Qt.Key.Key_Enter)
    assert list(pixels.chosen) == [(1, 8, 8), (1, 10, 9)]
    assert live.pick.chosen == 1
    QTest.keyClick(pictures.end, Qt.Key.Key_Delete)
    assert list(pixels.chosen) == [(1, 8, 8)]
    QTest.keyClick(live, Qt.Key.Key_P)
    QTest.keyClick(pictures.end, Qt.Key.Key_Right)
    assert live.pick.chosen == 2  # arrow keys choose pictures again


def test_while_pixels_are_pointed_at_a_drag_rolls_no_noise(qtbot, live):
    live.pictures.toggle_pointing()
    start = live.pictures.start
    place = hand_of(start).rect((0, 4, 4)).center().toPoint()
    QTest.mousePress(start, Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseMove(start, place + QPoint(30, 0))
    QTest.mouseRelease(start, Qt.MouseButton.LeftButton, pos=place + QPoint(30, 0))
    assert live.explore.source.moved == ()
    assert list(live.closer.pixels.chosen) == [(0, 4, 4)]


def test_two_quick_clicks_choose_two_pixels(qtbot, live):
    live.pictures.toggle_pointing()
    start, chosen = live.pictures.start, live.closer.pixels
    point_at(start, (0, 4, 4))
    place = hand_of(start).rect((0, 4, 5)).center().toPoint()
    QTest.mouseDClick(start, Qt.MouseButton.LeftButton, pos=place)  # as the second click comes
    assert list(chosen.chosen) == [(0, 4, 4), (0, 4, 5)]


def test_the_keys_are_not_lost_where_pictures_have_gone(qtbot, live):
    pictures, explore = live.pictures, live.explore
    live.pick.choose(12)
    QTest.keyClick(live, Qt.Key.Key_P)
    QTest.keyClick(pictures.end, Qt.Key.Key_Right)
    assert pictures.pointing.cursor == (12, 8, 9)
    explore.set_source(structs.replace(explore.source, count=4))
    qtbot.waitUntil(lambda: pictures.end.tiles.count == 4, timeout=TIMEOUT)
    QTest.keyClick(pictures.end, Qt.Key.Key_Right)
    assert pictures.pointing.cursor == (3, 8, 9)


def test_a_mark_is_seen_in_every_grid_and_the_cursor_crosses_edges(qtbot, live):
    before = live.pictures.start.grab().toImage()
    live.closer.pixels.toggle((0, 4, 4))
    assert live.pictures.start.grab().toImage() != before
    assert stepped((0, 3, 15), (1, 0), 16, 4, 16, 16) == (1, 3, 0)
    assert stepped((0, 15, 3), (0, 1), 16, 4, 16, 16) == (4, 0, 3)
    assert stepped((3, 3, 15), (1, 0), 16, 4, 16, 16) == (3, 3, 15)
    assert stepped((0, 0, 0), (0, -1), 16, 4, 16, 16) == (0, 0, 0)
    assert stepped((1, 15, 0), (0, 1), 6, 4, 16, 16) == (5, 0, 0)
    assert stepped((2, 15, 0), (0, 1), 6, 4, 16, 16) == (2, 15, 0)


def test_the_curve_lies_where_the_numbers_say(qtbot, live):
    pixels, plot = live.closer.pixels, live.pictures.pixels.plot
    pixels.toggle((0, 0, 0))
    qtbot.waitUntil(lambda: pixels.fresh, timeout=TIMEOUT)
    assert plot.place(0.0, 0).x() < plot.place(1.0, 0).x()
    assert plot.place(0.0, 1).y() < plot.place(0.0, -1).y()
    end = pixels.paths.learned[-1, 0]
    told = plot.told((0, 0, 0), pixels.paths.times[-1]).replace("−", "-")
    assert f"red {end[0]:.2f}, green {end[1]:.2f}, blue {end[2]:.2f}" in told
    alone = plot.grab().toImage()
    live.add("truth")
    qtbot.waitUntil(lambda: pixels.paths.exact is not None, timeout=TIMEOUT)
    assert plot.grab().toImage() != alone  # dashed
    assert "true: brightness" in plot.told((0, 0, 0), 0.0)


def test_why_there_is_no_path_is_said_in_the_strip(qtbot, live):
    def nothing(r):
        answer, payload = live.world.pixels(structs.replace(r, pixels=()))
        return structs.replace(answer, why="There is no path to draw."), payload

    live.world.link.on(m.Pixels, nothing)
    live.closer.pixels.toggle((0, 0, 0))
    said = live.pictures.pixels.said
    qtbot.waitUntil(lambda: said.text() == "There is no path to draw.", timeout=TIMEOUT)
    live.pictures.pixels.plot.grab()


def test_f_shows_fields_in_place_of_the_states_with_scale_and_values(qtbot, live):
    pictures, fields = live.pictures, live.closer.picture_fields
    live.explore.set_times(0.75, 0.5)
    QTest.keyClick(live, Qt.Key.Key_F)
    qtbot.waitUntil(lambda: fields.seen is not None and fields.seen.t == 0.75, timeout=TIMEOUT)
    assert pictures.fields_button.isChecked()
    assert pictures.fields.isVisible()
    assert not pictures.start.isVisible()
    part = pictures.fields
    assert part.values["v"].text() == "rms 0.750"
    assert part.scales["v"].reach == part.scales["u"].reach >= 2.5 * 0.75
    hand_of(part.grids["u"])._pointing.hover((1, 2, 3))
    assert part.values["u − v"].text() == "−0.50  −0.50  −0.50"
    assert all("rey is zero" in grid.toolTip() for grid in part.grids.values())
    QTest.keyClick(live, Qt.Key.Key_F)
    assert pictures.start.isVisible()


def test_keys_alone_read_the_value_of_a_pixel_in_a_field(qtbot, live):
    fields, part = live.closer.picture_fields, live.pictures.fields
    live.explore.set_times(0.75, 0.5)
    QTest.keyClick(live, Qt.Key.Key_F)
    qtbot.waitUntil(lambda: fields.fresh and fields.seen.t == 0.75, timeout=TIMEOUT)
    QTest.keyClick(live, Qt.Key.Key_P)
    grid = part.grids["v"]
    assert grid.hasFocus()
    QTest.keyClick(grid, Qt.Key.Key_Right)
    assert part.values["u − v"].text() == "−0.50  −0.50  −0.50"
    assert "picture 1, row 9, column 10" in live.pictures.pixels.said.text()
    live.pictures.pointing.place((1, 30, 3))  # of larger pictures than those in hand now
    assert part.values["v"].text() == "rms 0.750"


def test_fields_that_were_left_behind_are_faded(qtbot, live):
    fields, part = live.closer.picture_fields, live.pictures.fields
    fields.want(True)
    qtbot.waitUntil(lambda: fields.fresh, timeout=TIMEOUT)
    assert part._times["v"].styleSheet() == ""
    live.world.link.on(m.PictureFields, lambda r: m.Refused(r.id, m.SUPERSEDED))
    live.explore.set_source(structs.replace(live.explore.source, seed=5))
    qtbot.waitUntil(lambda: live.explore.states.source.seed == 5, timeout=TIMEOUT)
    assert part._times["v"].styleSheet() == ""  # not at once: it would flicker under a hand
    qtbot.waitUntil(lambda: "color" in part._times["v"].styleSheet(), timeout=TIMEOUT)
    live.world.link.on(m.PictureFields, live.world.picture_fields)
    qtbot.waitUntil(lambda: part._times["v"].styleSheet() == "", timeout=TIMEOUT)


def test_a_field_is_grey_exactly_where_it_is_zero():
    field = np.array([-2.0, -1e-2, 0.0, 1.0, 2.0, 9.0], np.float32)
    assert shaded(field, 2.0).tolist() == [0, 127, 128, 191, 255, 255]


def test_a_field_that_is_not_known_is_said(qtbot, live):
    def nothing(r):
        answer, payload = live.world.picture_fields(structs.replace(r, source=m.Source(count=0)))
        return answer, payload

    live.world.link.on(m.PictureFields, nothing)
    live.closer.picture_fields.want(True)
    said = live.pictures.fields.said
    qtbot.waitUntil(lambda: "no velocity" in said.text(), timeout=TIMEOUT)


def test_the_chord_follows_the_mouse_over_the_particles(qtbot, live):
    live.open("points")
    qtbot.waitUntil(lambda: live.explore.states.x_s.ndim == 2, timeout=TIMEOUT)
    chord, pane = live.closer.chord, live.particles
    live.explore.set_times(0.75, 0.25)
    qtbot.waitUntil(lambda: live.explore.states.t == 0.75, timeout=TIMEOUT)
    QTest.mouseMove(pane.plot, pane.plot.rect().center())
    assert chord.place is None
    QTest.keyClick(live, Qt.Key.Key_H)
    assert pane.chord_action.isChecked()
    qtbot.waitUntil(lambda: pane.chord_line.isVisible(), timeout=TIMEOUT)
    QTest.mouseMove(pane.plot, pane.plot.rect().center() + QPoint(40, 10))
    qtbot.waitUntil(lambda: chord.seen is not None, timeout=TIMEOUT)
    line = pane.chord_line.text()
    assert "curvature 2.00 (exact 1.50) per t²" in line
    assert "(s−t)v = (−0.38, −0.12)" in line
    before = pane.plot.grab().toImage()
    QTest.keyClick(pane.plot, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    here = chord.place
    qtbot.waitUntil(lambda: chord.seen.place == here, timeout=TIMEOUT)
    assert pane.plot.grab().toImage() != before
    assert live.explore.source.moved == ()
    QTest.keyClick(live, Qt.Key.Key_H)
    assert not pane.chord_line.isVisible()


def test_the_numbers_of_a_place_fade_until_there_are_newer(qtbot, live):
    rows, held = live.held.rows, live.closer.held
    live.explore.set_times(0.8, 0.3)
    qtbot.waitUntil(lambda: rows.text(ROWS["defect"]) == "0.500", timeout=TIMEOUT)
    assert not held.stale("defect")
    look = rows._values[ROWS["defect"]][1]
    plain = look.styleSheet()
    assert (look.accessibleName(), look.accessibleDescription()) == (ROWS["defect"], "0.500")
    live.explore.set_times(0.8, 0.2)
    assert look.accessibleDescription() == "0.500, of the place before"
    assert rows.text(ROWS["defect"]) == "0.500"
    assert look.styleSheet() != plain
    qtbot.waitUntil(lambda: rows.text(ROWS["defect"]) == "0.600", timeout=TIMEOUT)
    assert look.styleSheet() == plain
    assert "Zero proves only that the model agrees with itself" in look.toolTip()
    assert all("ero" in tip(kind) for kind in ROWS)


def test_no_more_steps_are_offered_than_the_engine_takes(live):
    assert live.where.steps.maximum() == STEPS


@pytest.mark.parametrize("name", ["dark", "light"])
def test_colours_of_pixels_are_told_apart_by_everybody(name):
    kinds = [np.eye(3), *SEEN_BY.values()]
    for seen in kinds:
        labs = [lab(seen @ linear(colour)) for colour in PIXEL_COLOURS[name]]
        apart = [np.linalg.norm(a - b) for i, a in enumerate(labs) for b in labs[:i]]
        assert min(apart) > 25  # a difference of 2.3 can just be seen


# G. M. Machado, M. M. Oliveira, L. A. F. Fernandes, IEEE TVCG 15 (2009), of full severity.
SEEN_BY = {
    "protanopes": np.array([
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ]),
    "deuteranopes": np.array([
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]),
    "tritanopes": np.array([
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ]),
}  # fmt: skip


def linear(colour):
    """Linear RGB of `#rrggbb`."""
    value = np.array(list(bytes.fromhex(colour[1:]))) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIELAB under D65."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x = np.array(to_xyz) @ np.clip(rgb, 0, 1) / (0.9505, 1.0, 1.089)
    f = np.where(x > 0.008856, np.cbrt(x), 7.787 * x + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])
