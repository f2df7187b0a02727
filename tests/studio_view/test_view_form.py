"""The form: typing, problems, help, undo, and what it leaves alone."""

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAccessible, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

pytestmark = pytest.mark.gui

RATE = "training.learning_rate"


def row(stage, key):
    return stage.studio.train.form.view.rows[key]


def box(stage, key):
    return row(stage, key).editor.widget


def type_in(qtbot, stage, key, text):
    widget = box(stage, key)
    widget.setFocus()
    widget.selectAll()
    qtbot.keyClicks(widget, text)


def test_a_number_typed_in_any_way_becomes_the_value(stage, qtbot):
    type_in(qtbot, stage, RATE, "5e-4")
    assert stage.models.form.spec.training.learning_rate == 5e-4
    type_in(qtbot, stage, "training.steps", "50 000")
    assert stage.models.form.spec.training.steps == 50_000


def test_typing_is_never_rewritten_under_the_cursor(stage, qtbot):
    type_in(qtbot, stage, RATE, "0.0020")
    assert box(stage, RATE).text() == "0.0020"
    box(stage, "training.batch").setFocus()
    qtbot.waitUntil(lambda: box(stage, RATE).text() == "2e-3")


@pytest.mark.parametrize(
    ("key", "text", "word"),
    [(RATE, "2e-x", "number"), ("training.batch", "0", "at least"), (RATE, "", "number")],
)
def test_a_bad_value_is_kept_explained_and_stops_the_start(stage, qtbot, key, text, word):
    before = stage.models.form.spec
    widget = box(stage, key)
    widget.setFocus()
    widget.selectAll()
    qtbot.keyClick(widget, Qt.Key.Key_Delete)
    qtbot.keyClicks(widget, text)
    assert widget.text() == text
    assert word in row(stage, key).error.text()
    assert row(stage, key).error.isVisible()
    assert widget.property("invalid")
    assert stage.models.form.spec == before
    form = stage.studio.train.form
    assert form.reasons.texts() == [row(stage, key).error.text()]
    assert not form.start.isEnabled()
    assert not stage.act("run.start").isEnabled()
    assert row(stage, key).error.text() in form.start.toolTip()


def test_undo_takes_the_bad_text_back_while_the_field_has_the_keys(stage, qtbot):
    type_in(qtbot, stage, RATE, "nonsense")
    assert stage.models.form.problems()
    qtbot.keyClick(box(stage, RATE), Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not stage.models.form.problems()
    assert box(stage, RATE).value() == stage.models.form.spec.training.learning_rate
    assert not box(stage, RATE).property("invalid")
    assert row(stage, RATE).error.isHidden()
    assert stage.studio.train.form.start.isEnabled()


def test_help_stands_under_the_field_that_has_the_keys(stage, qtbot):
    first, second = row(stage, RATE), row(stage, "training.batch")
    box(stage, RATE).setFocus()
    qtbot.waitUntil(first.help.isVisible)
    assert "Adam" in first.help.text()
    assert "1e-8 to 1" in first.help.text()
    box(stage, "training.batch").setFocus()
    qtbot.waitUntil(second.help.isVisible)
    assert first.help.isHidden()


def test_a_problem_elsewhere_leads_to_its_field(stage, qtbot):
    form = stage.studio.train.form
    stage.models.form.set("training.beta2", "2")  # an advanced field, not in sight before
    assert "training.beta2" in form.view.rows
    form.reasons.chosen.emit("training.beta2")
    assert box(stage, "training.beta2").hasFocus()


def test_advanced_shows_more_and_simple_hides_it_again(stage):
    form = stage.studio.train.form
    simple = set(form.view.rows)
    stage.act("view.advanced").setChecked(True)
    assert form.advanced.isChecked()
    assert set(form.view.rows) > simple
    form.advanced.setChecked(False)
    assert set(form.view.rows) == simple
    assert not stage.act("view.advanced").isChecked()


def test_another_preset_brings_its_own_fields(stage):
    form = stage.studio.train.form
    assert "network.width" in form.view.rows
    form.preset.setCurrentIndex(form.preset.findData("emoji-16-meanflow"))
    form.preset.activated.emit(form.preset.currentIndex())
    assert "network.channels" in form.view.rows
    assert "network.width" not in form.view.rows
    assert stage.models.form.preset_name == "emoji-16-meanflow"
    stage.act("edit.undo").trigger()
    assert form.preset.key() == "points-meanflow"


def test_a_choice_shows_titles_and_changes_the_spec(stage):
    combo = box(stage, "method")
    assert combo.currentText() == "MeanFlow"
    combo.setCurrentIndex(combo.findData("fm"))
    combo.activated.emit(combo.currentIndex())
    assert stage.models.form.spec.method.__struct_config__.tag == "fm"
    assert "method.share_off_diagonal" not in stage.studio.train.form.view.rows


def test_a_changed_field_can_be_put_back(stage, qtbot):
    assert row(stage, RATE).reset.isHidden()
    type_in(qtbot, stage, RATE, "1e-3")
    assert row(stage, RATE).reset.isVisible()
    row(stage, RATE).reset.click()
    assert stage.models.form.spec.training.learning_rate == 2e-3
    assert row(stage, RATE).reset.isHidden()
    assert not stage.models.form.modified


def test_a_switch_switches(stage):
    box(stage, "data.labels").click()
    assert stage.models.form.spec.data.labels


def test_arrow_keys_step_within_the_range(stage, qtbot):
    widget = box(stage, RATE)
    widget.setFocus()
    qtbot.keyClick(widget, Qt.Key.Key_Up)
    assert stage.models.form.spec.training.learning_rate == 5e-3
    for _ in range(9):
        qtbot.keyClick(widget, Qt.Key.Key_Up)
    assert stage.models.form.spec.training.learning_rate == 1.0
    assert not stage.models.form.problems()


@pytest.mark.parametrize("key", [RATE, "method"])
def test_the_wheel_scrolls_the_form_and_turns_no_value_by_the_way(stage, key):
    stage.studio.train.form.preset.setFocus()
    before, widget = stage.models.form.spec, box(stage, key)
    here, no = widget.mapToGlobal(QPointF(5, 5)), Qt.MouseButton.NoButton
    turn, keys = QPoint(0, 120), Qt.KeyboardModifier.NoModifier
    phase = Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(QPointF(5, 5), here, QPoint(), turn, no, keys, phase, False)
    QApplication.sendEvent(widget, event)
    assert stage.models.form.spec == before


def test_every_widget_that_takes_the_keys_has_a_name(training, qtbot):
    stage, _ = training
    stage.act("view.advanced").setChecked(True)
    stage.act("view.log").setChecked(True)
    stage.window.notices.tell("Something to say.", answers=[("Do it", lambda: None)])
    takers = [
        w
        for w in stage.window.findChildren(QWidget)
        if w.focusPolicy() & Qt.FocusPolicy.TabFocus
        and w.isVisibleTo(stage.window)
        and w.focusProxy() is None
    ]
    assert len(takers) > 20
    names = {w: QAccessible.queryAccessibleInterface(w).text(QAccessible.Text.Name) for w in takers}
    assert not [w for w, name in names.items() if not name]


def test_labels_are_never_cut(dressed, stage):
    stage.act("view.advanced").setChecked(True)
    for name in ("emoji-16-meanflow", "points-meanflow"):
        stage.models.form.choose_preset(name)
        stage.window.grab()
        for found in stage.studio.train.form.view.rows.values():
            text = found.label
            room = text.fontMetrics().boundingRect(
                text.rect(), Qt.TextFlag.TextWordWrap, text.text()
            )
            assert room.height() <= text.height(), text.text()
            assert room.width() <= text.width(), text.text()
