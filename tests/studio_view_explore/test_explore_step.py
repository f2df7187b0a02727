"""The pane of an opened training step: its equation, its table, and the way back."""

import numpy as np
import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip
from staged_explore import PICTURES, POINTS

from engine.contract.equations import EQUATIONS
from studio.model.step_model import Step, StepModel
from studio.view.explore.step_cells import Look, look_of, number, picture
from studio.view.explore.step_pane import StepPane

pytestmark = pytest.mark.gui
ROWS = 4


def step_of(method="meanflow", shape=(2,), notes=()):
    draw = np.random.default_rng(1)
    found = {}
    for term in EQUATIONS[method].terms:
        size = (ROWS,) if term.shape == "number" else (ROWS, *shape)
        found[term.key] = draw.standard_normal(size).astype(np.float32)
    if "du" in found:
        found["du"][1:] = np.nan
    return Step(method, 1200, 0.25, found, notes)


@pytest.fixture
def steps(explore, world):
    explore.show(POINTS)
    return StepModel(world.link, explore)


@pytest.fixture
def pane(qtbot, steps, theme):
    made = StepPane(steps, theme)
    qtbot.addWidget(made)
    made.resize(900, 500)
    return made


def show(steps, step):
    steps.open, steps.step = True, step
    steps.changed.emit()


@pytest.mark.parametrize("method", sorted(EQUATIONS))
@pytest.mark.parametrize("shape", [(2,), (3, 8, 8)])
def test_every_method_is_shown_with_all_its_terms(pane, steps, method, shape):
    show(steps, step_of(method, shape))
    keys = [column.term.key for column in pane.table.columns]
    assert [key for key in keys if not key.startswith("cos")] == [
        term.key for term in EQUATIONS[method].terms
    ]
    assert pane.equation.text() == EQUATIONS[method].loss
    picture = pane.grab().toImage()
    assert not picture.isNull()
    for place in range(len(keys)):
        head = pane.table.box(-1, place).center()
        assert pane.table.columns[place].term.meaning in pane.table.said_at(head)
        assert keys[place] in pane.table.said_at(pane.table.box(0, place).center())


@pytest.mark.parametrize("method", sorted(EQUATIONS))
def test_no_table_is_scrolled_sideways_in_a_window_of_1280_pixels(pane, steps, qtbot, method):
    pane.resize(868, 526)  # as wide as it is there
    pane.show()
    qtbot.waitExposed(pane)
    show(steps, step_of(method))
    QTest.qWait(0)
    assert pane.area.horizontalScrollBar().maximum() == 0
    assert pane.area.verticalScrollBar().maximum() == 0
    pane.resize(1400, 526)
    QTest.qWait(0)
    assert pane.table.sizeHint().width() <= pane.area.viewport().width()


def test_a_table_that_was_shrunk_tells_of_the_same_cells(pane, steps, qtbot, monkeypatch):
    pane.resize(868, 526)
    pane.show()
    qtbot.waitExposed(pane)
    show(steps, step_of("ctm"))
    said = []
    monkeypatch.setattr(QToolTip, "showText", lambda place, text, widget: said.append(text))
    size = pane.table._size
    assert size < 0.9
    for place in range(len(pane.table.columns)):
        at = (pane.table.box(1, place).center() * size).toPoint()
        event = QHelpEvent(QEvent.Type.ToolTip, at, pane.table.mapToGlobal(at))
        QApplication.sendEvent(pane.table, event)
        assert said[-1].startswith(pane.table.columns[place].term.key)


def test_heads_say_the_shape_and_cells_the_numbers(pane, steps):
    step = step_of()
    show(steps, step)
    place = [column.term.key for column in pane.table.columns].index("du")
    assert "float32 [4, 2]" in pane.table.said_at(pane.table.box(-1, place).center())
    x, y = step.terms["du"][0]
    assert f"({x:.4g}, {y:.4g})" in pane.table.said_at(pane.table.box(0, place).center())
    assert pane.table.said_at(pane.table.box(1, place).center()) == "This row has no such term."
    assert pane.said.text() == "step 1,200 · 4 samples · loss 0.25"


def test_notes_and_refusals_are_read_in_the_pane(pane, steps):
    show(steps, step_of(notes=("The exact flow teaches.",)))
    assert pane.notes.text() == "The exact flow teaches."
    assert not pane.area.isHidden()
    steps.step, steps.problem = None, "It does not hold its teacher."
    steps.changed.emit()
    assert pane.notes.text() == "It does not hold its teacher."
    assert pane.area.isHidden()


@pytest.mark.parametrize("model", [POINTS, PICTURES])
def test_a_key_opens_it_in_the_middle_and_closes_it(page, explore, qtbot, monkeypatch, model):
    monkeypatch.setattr(page.training_step._asks, "wish", lambda: None)  # no loop runs here
    explore.show(model)
    page.resize(1280, 800)
    page.show()
    qtbot.waitExposed(page)
    before = page.middle.currentWidget()
    QTest.keyClick(page, Qt.Key.Key_T)
    assert page.middle.currentWidget() is page.opened
    assert not page.jump_area.isVisible()
    explore.show(model)
    assert page.middle.currentWidget() is page.opened
    QTest.mouseClick(page.opened.close_button, Qt.MouseButton.LeftButton)
    assert page.middle.currentWidget() is before
    assert page.jump_area.isVisible()


def test_velocities_share_a_scale_and_derivatives_have_their_own(pane, steps):
    show(steps, step_of())
    look = {column.term.key: column.look for column in pane.table.columns}
    assert look["v"] == look["answer"] == look["target"]
    assert look["data"] == look["noise"] == look["x_t"]
    assert look["du"] != look["v"]


def test_numbers_and_pictures():
    said = [number(value) for value in (0.0, 0.12345, 0.00747, 12345.6, float("nan"), -3.14159)]
    assert said == ["0", "0.123", "0.0075", "12346", "–", "-3.14"]
    values = np.stack([np.full((2, 2), part, np.float32) for part in (-1, 0, 1)])
    colour = picture(values, 1.0).pixelColor(0, 0)
    assert (colour.red(), colour.green(), colour.blue()) == (0, 127, 255)
    assert look_of("state", values) == Look("state", 1.0)
