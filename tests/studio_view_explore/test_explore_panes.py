"""The middle: every picture in its tile, every particle in its place."""

import dataclasses

import numpy as np
import pytest
from msgspec.structs import replace
from PySide6.QtCore import QPoint
from PySide6.QtTest import QTest
from staged_explore import PICTURES

from studio.export.plot import Dots
from studio.view.explore.layers import layers, mark_radius
from studio.view.widgets.picture_grid import tile_centre

pytestmark = pytest.mark.gui


def test_the_picture_under_the_cursor_is_outlined_in_both_grids(pictures):
    start, end = pictures.pictures.start, pictures.pictures.end
    before = end.grab().toImage()
    QTest.mouseMove(start, tile_centre(start, 5).toPoint())
    assert pictures.pick.hovered == 5
    rect = end.tiles.rect(5)
    edge = (round(rect.left() - 2), round(rect.center().y()))
    colour = pictures._theme.tokens.models[0]
    assert before.pixelColor(*edge).name() != colour
    assert end.grab().toImage().pixelColor(*edge).name() == colour
    assert start.grab().toImage().pixelColor(*edge).name() == colour
    QTest.mouseMove(start, QPoint(1, 1))
    assert pictures.pick.hovered == -1


def test_the_line_under_the_pictures_says_the_jump(pictures, explore):
    explore.set_times(0.84, 0.22)
    line = pictures.pictures.line.text()
    assert line == "xₜ → xₛ   0.840 → 0.220 · 16 pictures · 1 NFE · 4.1 ms"
    explore.set_times(0.2, 0.4)
    assert pictures.pictures.line.text().endswith("outside the trained triangle")


def lit(plot, name):
    """Pixels of the plot that one layer changes."""
    plot.show_layer(name, False)
    without = plot.grab().toImage()
    plot.show_layer(name, True)
    with_it = plot.grab().toImage()
    shots = [np.frombuffer(i.constBits(), np.uint32) for i in (without, with_it)]
    return int((shots[0] != shots[1]).sum())


def test_every_layer_is_seen_and_can_be_hidden(points, explore):
    explore.set_times(0.9, 0.1)
    plot = points.particles.plot
    assert {layer.name for layer in plot.layers()} == {
        "start", "exact paths", "paths", "learned", "exact",
    }  # fmt: skip
    for name in ("start", "learned", "exact", "paths"):
        assert lit(plot, name) > 200
    points.particles.legend["learned"].click()
    assert "learned" not in {layer.name for layer in plot.layers()}
    assert not points.particles.legend["learned"].isChecked()


def test_as_many_points_are_drawn_as_there_are(points, explore):
    explore.set_source(replace(explore.source, count=256))
    plot = points.particles.plot
    dots = {layer.name: layer for layer in plot.layers() if isinstance(layer, Dots)}
    assert len(dots["learned"].places) == len(dots["start"].places) == 256
    few = lit(plot, "learned")
    explore.set_source(replace(explore.source, count=1024))
    assert lit(plot, "learned") > 1.5 * few


def test_a_lone_particle_is_painted_at_its_place(points, explore, theme):
    plot = points.particles.plot
    place = np.array([[1.0, 0.5]], np.float32)
    explore.states = dataclasses.replace(explore.states, x_t=place, x_s=place)
    explore.trace = None
    explore.states_changed.emit()
    window, size = plot.window_of_plane, plot.size()
    unit = min(size.width(), size.height()) / 2 / window.half
    x = size.width() / 2 + (1.0 - window.x) * unit
    y = size.height() / 2 - (0.5 - window.y) * unit
    ground = plot.grab().toImage()
    assert ground.pixelColor(int(x), int(y)).blue() > 200
    assert ground.pixelColor(int(x) + 12, int(y) + 12).blue() < 100


def test_the_plane_stays_while_the_points_move(points, explore):
    explore.set_times(1.0, 0.0)
    window = points.particles.plot.window_of_plane
    for step in range(100):
        explore.set_times(1.0, step / 100)
    assert points.particles.plot.window_of_plane is window


@pytest.mark.parametrize("value", [np.nan, np.inf, -3e38, 3e38])
def test_a_model_that_went_astray_does_no_harm(points, explore, value):
    states, trace = explore.states, explore.trace
    astray = states.x_s.copy()
    astray[::2] = value
    explore.states = dataclasses.replace(states, x_s=astray)
    explore.trace = dataclasses.replace(trace, learned=np.full_like(trace.learned, value))
    explore.states_changed.emit()
    explore.trace_changed.emit()
    points.jump.read()
    points.grab()
    explore.set_times(0.5, 0.2)
    assert lit(points.particles.plot, "learned") > 0


def test_the_cursor_reads_the_plane(points):
    plot, told = points.particles.plot, []
    plot.pointed.connect(told.append)
    QTest.mouseMove(plot, plot.rect().center())
    x, y = map(float, told[-1].split(", "))
    assert (x, y) == pytest.approx((0, 0), abs=0.05)


def test_no_rings_where_the_exact_map_is_unknown(points, explore, theme):
    explore.trace = dataclasses.replace(explore.trace, exact=None, exact_x_s=None)
    explore.trace_changed.emit()
    names = {layer.name for layer in points.particles.plot.layers()}
    assert names == {"start", "paths", "learned"}


def test_more_points_are_smaller_points():
    radii = [mark_radius(count) for count in (1, 256, 2048, 8192, 100_000)]
    assert radii == sorted(radii, reverse=True)
    assert radii[-1] >= 0.5


def test_layers_hold_what_the_model_answered(points, explore, theme):
    made = layers(explore.states, explore.trace, {"learned"}, theme.tokens)
    assert len(made) == 1
    assert made[0].places is explore.states.x_s


def test_a_model_of_pictures_leaves_the_plot_empty(points, explore):
    explore.show(PICTURES)
    assert points.particles.plot.layers() == []
    assert points.middle.currentWidget() is points.pictures
