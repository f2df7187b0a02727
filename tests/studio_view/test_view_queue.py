"""The queue on the Train page: queued, dragged, moved by keys, taken out, held."""

import msgspec
import pytest
from PySide6.QtCore import QPoint, Qt

from engine.contract import messages as m
from studio.view.train.queue_list import PITCH

pytestmark = pytest.mark.gui
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def queued(training, qtbot):
    """A training, and three runs that wait: run-2, run-3 and run-4."""
    stage, _ = training
    for count in (1, 2, 3):
        stage.act("run.queue").trigger()
        qtbot.waitUntil(lambda count=count: len(stage.models.queue.waiting) == count)
        qtbot.waitUntil(stage.act("run.queue").isEnabled)
    return stage


def card(stage):
    return stage.studio.train.queue


def order(stage):
    return card(stage).list.order


def drag(qtbot, row, by):
    """Press, move in small steps as a hand does, and let go."""
    start = QPoint(60, row.height() // 2)
    qtbot.mousePress(row, LEFT, NONE, start)
    top = row.mapToGlobal(QPoint(0, 0))
    for part in range(1, 9):
        seen = top + start + QPoint(0, by * part // 8)
        qtbot.mouseMove(row, row.mapFromGlobal(seen))
    qtbot.mouseRelease(row, LEFT, NONE, row.mapFromGlobal(top + start + QPoint(0, by)))


def test_an_empty_queue_takes_no_room(training):
    stage, _ = training
    assert not card(stage).isVisible()


def test_what_is_queued_is_the_form_as_it_is_then(training, qtbot):
    stage, _ = training
    stage.models.form.set("training.steps", "123")
    stage.studio.train.form.queue.click()
    stage.models.form.set("training.steps", "456")
    qtbot.waitUntil(card(stage).isVisible)
    asked = stage.world.link.of(m.StartRun)[-1]
    assert (asked.queue, asked.spec.training.steps) == (True, 123)
    row = card(stage).list.row("run-2")
    assert row.name.text() == "run-2"
    assert row.detail.text().startswith("123 steps · ")
    assert stage.models.runs.current.name == "run-1"


def test_it_shows_what_is_trained_now_and_how_far_it_is(queued, qtbot):
    now = card(queued).now["run-1"]
    qtbot.waitUntil(lambda: "step 500 of 4,000 · 35 s left" in now.detail.text())
    assert now.bar.value() == 125
    assert card(queued).count.text() == "3 waiting"


def test_a_run_is_dragged_to_its_place(queued, qtbot):
    rows = card(queued).list
    drag(qtbot, rows.row("run-4"), -2 * PITCH)
    assert order(queued) == ["run-4", "run-2", "run-3"]  # at once, before the engine has answered
    qtbot.waitUntil(lambda: queued.world.waiting == ["run-4", "run-2", "run-3"])
    drag(qtbot, rows.row("run-4"), PITCH)
    qtbot.waitUntil(lambda: queued.world.waiting == ["run-2", "run-4", "run-3"])
    qtbot.waitUntil(lambda: [rows.row(n).y() for n in order(queued)] == [0, PITCH, 2 * PITCH])


def test_a_drag_that_comes_back_and_a_short_one_ask_nothing(queued, qtbot):
    rows = card(queued).list
    drag(qtbot, rows.row("run-3"), PITCH // 3)
    assert order(queued) == ["run-2", "run-3", "run-4"]
    assert not queued.world.link.of(m.MoveRun)
    qtbot.mouseClick(rows.row("run-3"), LEFT, NONE, QPoint(60, 10))  # looks at it instead
    qtbot.waitUntil(lambda: queued.models.runs.current.name == "run-3")


def test_escape_lets_go_of_what_is_dragged(queued, qtbot):
    rows = card(queued).list
    row = rows.row("run-2")
    qtbot.mousePress(row, LEFT, NONE, QPoint(60, 10))
    qtbot.mouseMove(row, QPoint(60, 10 + PITCH))
    assert row.y() > 0
    qtbot.keyClick(row, Qt.Key.Key_Escape)
    qtbot.mouseRelease(row, LEFT, NONE, QPoint(60, 10))
    assert row.y() == 0
    assert not queued.world.link.of(m.MoveRun)


def test_what_begins_while_it_is_dragged_is_let_go(queued, qtbot):
    rows = card(queued).list
    row = rows.row("run-2")
    qtbot.mousePress(row, LEFT, NONE, QPoint(60, 10))
    qtbot.mouseMove(row, QPoint(60, 10 + PITCH))
    queued.world.finish("run-1")
    queued.world.begin_next()
    qtbot.waitUntil(lambda: order(queued) == ["run-3", "run-4"])
    assert [rows.row(n).y() for n in order(queued)] == [0, PITCH]
    assert "run-2" in card(queued).now


def test_keys_that_are_faster_than_the_engine_all_count(queued, qtbot):
    stage, rows = queued, card(queued).list
    stage.world.link.hold()
    rows.row("run-2").setFocus()
    for _ in range(2):
        qtbot.keyClick(rows.row("run-2"), Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: len(stage.world.link.of(m.MoveRun)) == 2)
    stage.world.link.release()
    qtbot.waitUntil(lambda: stage.world.waiting == ["run-3", "run-4", "run-2"])
    qtbot.waitUntil(lambda: order(stage) == ["run-3", "run-4", "run-2"])


def test_keys_move_it_and_the_focus_goes_with_it(queued, qtbot):
    rows = card(queued).list
    rows.row("run-2").setFocus()
    qtbot.keyClick(rows.row("run-2"), Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: order(queued) == ["run-3", "run-2", "run-4"])
    assert rows.row("run-2").hasFocus()
    qtbot.keyClick(rows.row("run-2"), Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: order(queued) == ["run-2", "run-3", "run-4"])
    qtbot.waitUntil(lambda: len(queued.world.link.of(m.MoveRun)) == 2)
    qtbot.keyClick(rows.row("run-2"), Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)  # the first
    qtbot.keyClick(rows.row("run-2"), Qt.Key.Key_Down)
    assert rows.row("run-3").hasFocus()
    qtbot.keyClick(rows.row("run-3"), Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: order(queued) == ["run-2", "run-4"])
    assert rows.row("run-4").hasFocus()
    assert len(queued.world.link.of(m.MoveRun)) == 2


def test_buttons_move_it_and_take_it_out(queued, qtbot):
    rows = card(queued).list
    assert not rows.row("run-2").up.isEnabled()
    assert not rows.row("run-4").down.isEnabled()
    rows.row("run-2").down.click()
    qtbot.waitUntil(lambda: order(queued) == ["run-3", "run-2", "run-4"])
    rows.row("run-4").up.click()
    qtbot.waitUntil(lambda: order(queued) == ["run-3", "run-4", "run-2"])
    for name in ("run-3", "run-4", "run-2"):
        rows.row(name).out.click()
        qtbot.waitUntil(lambda name=name: name not in order(queued))
    qtbot.waitUntil(lambda: not card(queued).isVisible())


def test_what_the_engine_refuses_lies_where_it_lay(queued, qtbot):
    queued.world.link.on(m.MoveRun, lambda r: m.Refused(r.id, "It has begun."))
    drag(qtbot, card(queued).list.row("run-4"), -PITCH)
    qtbot.waitUntil(lambda: queued.notices().get("refused") == "It has begun.")
    assert order(queued) == ["run-2", "run-3", "run-4"]


def test_why_one_could_not_begin_is_said_and_it_can_be_tried_again(queued, qtbot):
    why = "The data set <b>mine</b> is not here."
    info = msgspec.structs.replace(queued.world.runs["run-2"], message=why)
    queued.world.link.notice(m.RunChanged(info))
    row = card(queued).list.row("run-2")
    qtbot.waitUntil(lambda: row.detail.text() == f"Could not begin: {why}")
    assert row.detail.textFormat() == Qt.TextFormat.PlainText
    row.retry.click()
    qtbot.waitUntil(lambda: queued.world.link.of(m.MoveRun) != [])
    asked = queued.world.link.of(m.MoveRun)[-1]
    assert (asked.run, asked.place) == ("run-2", 0)


def test_it_is_held_and_released_and_told_how_many_at_once(queued, qtbot):
    card(queued).hold.click()
    qtbot.waitUntil(lambda: queued.world.held)
    qtbot.waitUntil(lambda: card(queued).count.text() == "3 waiting, held")
    assert queued.act("run.hold").isChecked()
    queued.act("run.hold").trigger()
    qtbot.waitUntil(lambda: not queued.world.held)
    qtbot.waitUntil(lambda: not card(queued).hold.isChecked())
    card(queued).at_once.setValue(2)
    qtbot.waitUntil(lambda: queued.world.at_once == 2)
    asked = len(queued.world.link.of(m.SetQueue))
    queued.world.at_once = 3
    queued.world.link.notice(queued.world.queue())
    assert card(queued).at_once.value() == 3
    assert len(queued.world.link.of(m.SetQueue)) == asked  # what the engine told is not asked back


def test_a_stopped_run_can_wait_to_go_on(training, qtbot):
    stage, run = training
    stage.world.finish(run.name, "stopped")
    qtbot.waitUntil(stage.act("run.later").isEnabled)
    stage.act("run.later").trigger()
    qtbot.waitUntil(lambda: order(stage) == [run.name])
    assert card(stage).list.row(run.name).detail.text().startswith("on from 500 of 4,000 steps")
    assert stage.studio.train.standing.text.text() == "It waits in the queue: it is the next."


def test_run_again_puts_the_spec_into_the_form(training, qtbot):
    stage, run = training
    spec = stage.world.specs[run.name]
    stage.models.form.set("training.steps", "77")
    stage.act("run.again").trigger()
    qtbot.waitUntil(lambda: stage.models.form.spec == spec)


def test_rows_can_be_told_apart_by_a_screen_reader(queued):
    rows = card(queued).list
    assert rows.row("run-3").accessibleName().startswith("run-3, 2 of 3 in the queue.")
    for button in (rows.row("run-3").up, rows.row("run-3").out, card(queued).hold):
        assert button.accessibleName()
        assert button.toolTip()
