"""The drawing board by mouse and keys, and the way from it to a training."""

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication

from engine.contract import messages as m
from studio.model.drawing_strokes import HALF
from studio.view.train.drawing_dialog import open_board

pytestmark = pytest.mark.gui

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


@pytest.fixture
def board(stage):
    """The board, opened from the form; without the timer of a brush that is held still."""
    stage.studio.train.form.view.draw.click()
    dialog = open_board(stage.studio.train)
    dialog.board._hold.setInterval(3_600_000)
    yield dialog
    if open_board(stage.studio.train) is dialog:
        dialog.close()


def point(board, place) -> QPoint:
    return board.board.pixel(place).toPoint()


def stroke(board, places, button=LEFT):

    def send(kind, place, one, held):
        pixel = QPointF(point(board, place))
        where = board.board.mapToGlobal(pixel)
        event = QMouseEvent(kind, pixel, where, one, held, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(board.board, event)

    send(QEvent.Type.MouseButtonPress, places[0], button, button)
    for place in places[1:]:
        send(QEvent.Type.MouseMove, place, Qt.MouseButton.NoButton, button)
    send(QEvent.Type.MouseButtonRelease, places[-1], button, Qt.MouseButton.NoButton)


def inked(board) -> np.ndarray:
    """Where the board shows points: bool [side, side]."""
    board.board.grab()
    image = board.board._layer
    bits = np.frombuffer(image.constBits(), np.uint8)
    return bits.reshape(image.height(), image.bytesPerLine() // 4, 4)[:, : image.width(), 3] > 0


def test_the_board_is_offered_where_points_are_chosen(stage, qtbot):
    view = stage.studio.train.form.view
    assert view.draw.isVisible()
    stage.models.form.choose_preset("emoji-16-meanflow")
    assert not view.draw.isVisible()
    stage.models.form.choose_preset("points-fm")
    assert view.draw.isVisible()
    combo = view.rows["data.name"].editor.widget
    combo.setFocus()
    qtbot.keyClick(combo, Qt.Key.Key_Tab)
    assert view.draw.hasFocus()
    qtbot.keyClick(view.draw, Qt.Key.Key_Space)
    dialog = open_board(stage.studio.train)
    assert not dialog.isModal()
    view.draw.click()
    assert open_board(stage.studio.train) is dialog  # one board, not two
    dialog.close()


def test_the_left_button_sprays_along_its_way_and_the_right_one_wipes(stage, board):
    strokes = stage.models.drawing.strokes
    stroke(board, [(-2, 1), (0, 1), (2, 1)])
    points = strokes.points()
    assert len(points) > 600
    assert abs(points[:, 1] - 1).max() <= stage.models.drawing.radius + 0.01
    assert points[:, 0].min() < -1.9
    assert points[:, 0].max() > 1.9
    assert board.count.text() == f"{len(points):,}"
    stroke(board, [(-3, 1), (0, 1)], RIGHT)
    assert strokes.points()[:, 0].min() > 0.1
    assert board.count.text() == f"{strokes.count:,}"


def test_what_is_painted_is_what_is_drawn(stage, board):
    stroke(board, [(-3, 3), (3, 3)])
    stroke(board, [(0, 0)])
    shown = inked(board)
    side = len(shown)
    rows = np.flatnonzero(shown.any(1)) / side * 2 * HALF
    assert rows.min() > HALF - 3 - 0.35  # y points up
    assert rows.max() < HALF + 0.35
    board.undo.click()
    assert not inked(board)[side // 2 - 20 :].any()
    stroke(board, [(0, -3)])
    grown = inked(board)
    board.board._drawn = (-1, 0, "")  # draws everything anew
    assert np.array_equal(grown, inked(board))
    board.clear.click()
    assert not inked(board).any()


def test_nothing_is_drawn_outside_the_square(stage, board):
    corner = QPointF(point(board, (HALF, HALF)))
    stroke(board, [(3.9, 3.9), (6, 6), (6, -6), (3.9, -3.9)])
    points = stage.models.drawing.strokes.points()
    assert len(points)
    assert np.abs(points).max() <= HALF
    assert board.board.pixel((HALF, HALF)).toPoint() == corner.toPoint()


def test_a_brush_that_is_held_still_goes_on(stage, board, qtbot):
    board.board._hold.setInterval(1)
    qtbot.mousePress(board.board, LEFT, pos=point(board, (0, 0)))
    first = stage.models.drawing.strokes.count
    qtbot.waitUntil(lambda: stage.models.drawing.strokes.count > 2 * first)
    qtbot.mouseRelease(board.board, LEFT, pos=point(board, (0, 0)))
    assert not board.board._hold.isActive()
    board.undo.click()  # all of it is one step
    assert stage.models.drawing.strokes.count == 0


def test_the_keyboard_draws_too(stage, board, qtbot):
    drawing, widget = stage.models.drawing, board.board
    for _ in range(3):
        qtbot.keyClick(widget, Qt.Key.Key_Right)
    qtbot.keyClick(widget, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(widget, Qt.Key.Key_Space)
    points = drawing.strokes.points()
    assert np.hypot(*(points - (0.3, 1.0)).T).max() <= drawing.radius + 0.001
    qtbot.keyClick(widget, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert drawing.strokes.count == 0
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(widget, Qt.Key.Key_Z, both)
    assert np.array_equal(drawing.strokes.points(), points)
    qtbot.keyClick(widget, Qt.Key.Key_E)
    assert board.eraser.isChecked()
    qtbot.keyClick(widget, Qt.Key.Key_Space)
    assert drawing.strokes.count == 0
    qtbot.keyClick(widget, Qt.Key.Key_B)
    assert board.brush.isChecked()
    qtbot.keyClick(widget, Qt.Key.Key_Space)
    assert drawing.strokes.count
    qtbot.keyClick(widget, Qt.Key.Key_Delete)
    assert drawing.strokes.count == 0


def test_wheel_keys_and_slider_are_one_size(stage, board, qtbot):
    drawing, widget = stage.models.drawing, board.board
    before = drawing.radius
    centre = QPointF(widget.rect().center())
    turned = QWheelEvent(
        centre, widget.mapToGlobal(centre), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, turned)
    wider = drawing.radius
    assert wider > before
    qtbot.keyClick(widget, Qt.Key.Key_BracketLeft)
    assert drawing.radius == pytest.approx(before)
    qtbot.keyClick(widget, Qt.Key.Key_BracketRight)
    assert drawing.radius == pytest.approx(wider)
    board.size_slider.setValue(board.size_slider.maximum())
    assert drawing.radius == pytest.approx(1.5)
    board.density.setValue(0)
    assert drawing.density == pytest.approx(10)
    board.mirror.click()
    assert drawing.mirror


def test_letters_in_the_name_are_letters(stage, board, qtbot):
    stroke(board, [(-2, 1), (2, 1)])
    board.name.setFocus()
    board.name.selectAll()
    qtbot.keyClicks(board.name, "be[")
    qtbot.keyClick(board.name, Qt.Key.Key_Backspace)
    assert board.name.text() == "be"
    assert board.brush.isChecked()
    assert stage.models.drawing.strokes.count


def test_a_drawing_is_named_used_and_trained_on(stage, board, qtbot):
    assert not board.use.isEnabled()
    assert "at least 64 points" in board.hint.text()
    stroke(board, [(-2, 1), (2, 1)])
    points = stage.models.drawing.strokes.points()
    board.name.setText("rings")
    assert board.error.text() == "There is already a data set 'rings'; choose another name."
    assert not board.use.isEnabled()
    board.name.setText("my-line")
    assert board.error.isHidden()
    qtbot.keyClick(board.name, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: stage.models.form.spec.data.name == "my-line")
    assert np.array_equal(stage.world.drawn["my-line"], points)
    assert open_board(stage.studio.train) is None
    combo = stage.studio.train.form.view.rows["data.name"].editor.combo
    assert combo.currentText() == "my-line"
    stage.act("run.start").trigger()
    qtbot.waitUntil(lambda: stage.models.runs.current is not None)
    assert stage.world.link.of(m.StartRun)[0].spec.data.name == "my-line"


def test_a_refusal_is_said_on_the_board_and_the_drawing_stays(stage, board, qtbot):
    stage.world.link.on(m.ImportPoints, lambda r: m.Refused(r.id, "The disk is full."))
    stroke(board, [(-2, 1), (2, 1)])
    points = stage.models.drawing.strokes.points()
    board.use.click()
    qtbot.waitUntil(lambda: board.error.text() == "The disk is full.")
    assert "refused" not in stage.notices()
    assert board.use.isEnabled()
    stroke(board, [(0, -1)])
    assert board.error.isHidden()  # it was about a drawing that is another by now
    board.undo.click()
    assert np.array_equal(stage.models.drawing.strokes.points(), points)


def test_a_board_that_was_closed_opens_with_the_same_drawing(stage, board, qtbot):
    stroke(board, [(-2, 1), (2, 1)])
    points = stage.models.drawing.strokes.points()
    stage.world.link.hold()
    stage.world.link.on(m.ImportPoints, lambda r: m.Refused(r.id, "The disk is full."))
    board.use.click()
    qtbot.keyClick(board, Qt.Key.Key_Escape)
    assert open_board(stage.studio.train) is None
    stage.world.link.release()
    qtbot.waitUntil(lambda: stage.notices().get("refused") == "The disk is full.")
    stage.studio.train.form.view.draw.click()
    again = open_board(stage.studio.train)
    assert again is not board
    assert again.count.text() == f"{len(points):,}"
    assert inked(again).any()
    stage.window.show_page("Explore")
    assert open_board(stage.studio.train) is None  # it goes with its page
    assert np.array_equal(stage.models.drawing.strokes.points(), points)
