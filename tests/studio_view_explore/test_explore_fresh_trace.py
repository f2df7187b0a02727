"""Paths that are left behind stay for a moment, once, and lines are drawn once for all jumps."""

import numpy as np
import pytest
from PySide6.QtCore import QSizeF

from studio.export.plot import Dots, Lines, Window
from studio.theme.tokens import DARK, LIGHT
from studio.view.explore.plot_drawing import PlotDrawing

pytestmark = pytest.mark.gui
TIMEOUT = 20_000


def test_a_trace_that_is_left_behind_does_not_come_and_go(points, explore, qtbot):
    fresh, older = points._fresh, explore.trace
    explore.paths = lambda: older  # as if the engine gave every trace up
    explore.trace_changed.disconnect()
    explore.set_times(0.6, 0.1)
    assert fresh.trace is older
    qtbot.waitUntil(lambda: fresh.trace is None, timeout=TIMEOUT)
    for k in range(5):
        explore.set_times(0.6, 0.1 + k / 100)
        assert fresh.trace is None
    explore.set_times(older.t, older.s)
    assert fresh.trace is older  # it fits again
    explore.set_times(0.6, 0.1)
    assert fresh.trace is older  # and is left behind again


def drawn(drawing, layers, window=None, tokens=DARK):
    image = drawing.draw(layers, window or Window(0.0, 0.0, 3.0), tokens)
    return np.frombuffer(image.constBits(), np.uint32).copy()


def test_what_is_kept_between_frames_is_what_would_be_drawn_anew(qapp, monkeypatch):
    numbers = np.random.default_rng(0)
    paths = [numbers.normal(size=(6, 9, 2)).astype(np.float32) for _ in range(2)]
    made = []
    lines = PlotDrawing._lines
    monkeypatch.setattr(PlotDrawing, "_lines", lambda *args: made.append(1) or lines(*args))
    kept = PlotDrawing(QSizeF(200, 160), 1.0)

    def layers(k, colour="#40a0ff", opacity=0.7, width=1.0):
        dots = Dots("learned", numbers.normal(size=(50, 2)).astype(np.float32), colour, 2.0)
        return [Lines("paths", paths[k], colour, width, opacity), dots]

    frames = [
        (layers(0), None, DARK),
        (layers(1), None, DARK),
        (layers(1, colour="#ff8020"), None, DARK),
        (layers(1, colour="#ff8020", opacity=0.3), None, DARK),
        (layers(1, colour="#ff8020", opacity=0.3, width=3.0), None, DARK),
        (layers(1, colour="#ff8020", opacity=0.3, width=3.0), Window(0.5, 0.0, 2.0), DARK),
        (layers(1, colour="#ff8020", opacity=0.3, width=3.0), Window(0.5, 0.0, 2.0), LIGHT),
    ]
    for frame in frames:
        made.clear()
        first = drawn(kept, *frame)
        assert len(made) == (frame is not frames[-1])  # the ink alone is another
        again = drawn(kept, *frame)
        assert len(made) == (frame is not frames[-1])
        anew = drawn(PlotDrawing(QSizeF(200, 160), 1.0), *frame)
        assert (first == anew).all()
        assert (again == anew).all()


def test_lines_that_lead_far_away_cost_and_hurt_nothing(qapp):
    """Half of one leads out of the plane, another is no number: the rest is there."""
    line = np.array([[[0, 0]], [[2, 0]]], np.float32)
    alone = drawn(PlotDrawing(QSizeF(200, 160), 1.0), [Lines("paths", line, "#40a0ff")])
    far = np.array([[[0, 1], [0, 0]], [[np.nan, 1], [2, 0]]], np.float32)
    assert (
        drawn(PlotDrawing(QSizeF(200, 160), 1.0), [Lines("paths", far, "#40a0ff")]) == alone
    ).all()
    for size in (1e5, 1e9, 1e20):
        away = np.array([[[0, 1], [0, 0]], [[size, size], [2, 0]]], np.float32)
        seen = drawn(PlotDrawing(QSizeF(200, 160), 1.0), [Lines("paths", away, "#40a0ff")])
        assert (seen[alone != 0] != 0).all()
        assert 20 < (seen != alone).sum() < 400  # the part that is in sight


def test_what_is_not_drawn_any_more_is_not_kept(qapp):
    """Each layer is an image of the plot's size."""
    drawing, line = PlotDrawing(QSizeF(200, 160), 1.0), np.zeros((2, 1, 2), np.float32)
    for k in range(5):
        drawn(drawing, [Lines("paths", line, "#40a0ff"), Lines(f"beside {k}", line, "#40a0ff")])
    assert list(drawing._kept) == ["paths", "beside 4"]
