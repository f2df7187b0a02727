"""The window around the pages: menus, shortcuts, theme, log, notices, what it remembers."""

import threading
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QColor, QDropEvent, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QApplication

from studio.assembly import Studio
from studio.model.models import Models
from studio.model.session import Session
from studio.model.tasks import spawn
from studio.theme.icons import icon
from studio.theme.tokens import DARK, LIGHT, THEMES
from studio.view.actions import COMMANDS
from studio.view.log_panel import LINES
from studio.view.window import Window

pytestmark = pytest.mark.gui


def press(qtbot, stage, keys):
    """Press a shortcut the way Qt delivers it to the window."""
    combination = QKeySequence(keys)[0]
    qtbot.keyClick(stage.window, combination.key(), combination.keyboardModifiers())


def test_commands_have_one_place_each_and_shortcuts_do_not_collide(stage):
    ids = [command.id for command in COMMANDS]
    assert len(set(ids)) == len(ids)
    shown = [a for _, actions in stage.window.groups() for a in actions]
    for command in COMMANDS:
        assert shown.count(stage.act(command.id)) == 1
    train_and_window = [a for a in shown if a not in stage.studio.explore.actions()]
    keys = [k.toString() for a in train_and_window for k in a.shortcuts()]
    keys += [a.shortcut().toString() for a in stage.studio.explore.actions() if a.shortcut()]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(("keys", "title"), [("Ctrl+1", "Train"), ("Ctrl+2", "Explore")])
def test_pages_have_shortcuts(stage, qtbot, keys, title):
    press(qtbot, stage, keys)
    assert stage.window.page_title() == title
    assert stage.window.pages.currentWidget().isVisible()


def test_next_page_goes_round(stage):
    seen = []
    for _ in range(2):
        stage.act("window.next").trigger()
        seen.append(stage.window.page_title())
    assert seen == ["Explore", "Train"]


def test_the_rail_opens_pages(stage, qtbot):
    for button in stage.window.rail._pages.buttons():
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        assert stage.window.page_title() == button.text()


def test_the_theme_recolours_everything(dressed, stage, theme, qtbot):
    page = stage.studio.train
    before = stage.window.grab().toImage()
    stage.act("view.theme").trigger()
    try:
        assert theme.name == "light"
        assert stage.models.session.theme == "light"
        assert QApplication.palette().window().color() == QColor(LIGHT.background)
        stage.act("run.start").trigger()
        qtbot.waitUntil(lambda: stage.models.runs.current is not None)
        stage.world.train("run-1", 100)
        qtbot.waitUntil(lambda: page.curves.pages.currentWidget() is page.curves.plot)
        axis = page.curves.plot.getPlotItem().getAxis("left")
        assert axis.textPen().color() == QColor(LIGHT.muted)
        after = stage.window.grab().toImage()
        assert before.pixelColor(3, 300) == QColor(DARK.panel)
        assert after.pixelColor(3, 300) == QColor(LIGHT.panel)
    finally:
        theme.set("dark")
    assert axis.textPen().color() == QColor(DARK.muted)


@pytest.mark.parametrize("tokens", THEMES.values(), ids=THEMES)
def test_text_can_be_read(tokens):
    for text in (tokens.text, tokens.muted, tokens.bad):
        for ground in (tokens.background, tokens.panel, tokens.card, tokens.field):
            assert contrast(text, ground) >= 4.5, (text, ground)
    assert contrast(tokens.on_accent, tokens.accent) >= 4.5


def contrast(one, other):
    """The contrast ratio of WCAG 2.2."""

    def luminance(name):
        parts = [c / 255 for c in QColor(name).getRgb()[:3]]
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_icons_take_their_colour(qapp):
    image = icon("square", "#ff0000").pixmap(48, 48).toImage()
    drawn = {
        QColor.fromRgba(image.pixel(x, y)).name()
        for x in range(image.width())
        for y in range(image.height())
        if QColor.fromRgba(image.pixel(x, y)).alpha() == 255
    }
    assert drawn == {"#ff0000"}


def test_every_command_has_its_icon(theme):
    for command in COMMANDS:
        if command.icon:
            assert not theme.icon(command.icon).isNull()


def test_the_list_of_shortcuts_opens_over_the_window_and_closes(stage, qtbot):
    press(qtbot, stage, "F1")
    assert stage.window.shortcuts.isVisible()
    assert stage.window.shortcuts.size() == stage.window.size()
    qtbot.keyClick(stage.window.shortcuts, Qt.Key.Key_Escape)
    assert not stage.window.shortcuts.isVisible()
    stage.act("help.shortcuts").trigger()
    qtbot.mouseClick(stage.window.shortcuts, Qt.MouseButton.LeftButton)
    assert not stage.window.shortcuts.isVisible()


def test_the_log_shows_copies_and_forgets_the_oldest(stage):
    stage.act("view.log").trigger()
    assert stage.window.log.isVisible()
    for n in range(LINES + 20):
        stage.models.engine.note("info", f"line {n}")
    stage.models.engine.note("warning", "the last")
    stage.window.log.copy()
    text = QGuiApplication.clipboard().text()
    assert text.count("\n") + 1 == LINES
    assert text.endswith("warning: the last")
    assert "line 5\n" not in text
    stage.window.log._cross.click()
    assert not stage.window.log.isVisible()
    assert not stage.act("view.log").isChecked()


def test_a_notice_replaces_the_one_of_its_key_and_answers(stage):
    said, notices = [], stage.window.notices
    notices.tell("first", key="k")
    notice = notices.tell("second", key="k", answers=[("Yes", lambda: said.append("yes"))])
    assert notices.texts() == {"k": "second"}
    notice.buttons[0].click()
    assert said == ["yes"]
    assert notices.texts() == {}
    assert not notices.isVisible()


def test_the_recent_list_greys_what_is_gone_and_can_be_cleared(stage, tmp_path):
    there = tmp_path / "spec.toml"
    there.write_text("")
    for name in (str(tmp_path / "gone.toml"), str(there)):
        stage.models.session.add_recent(name)
    menu = stage.window.menus.recent
    menu.fill()
    entries = [a for a in menu.actions() if a.text()]
    assert [a.isEnabled() for a in entries] == [True, False, True]
    entries[-1].trigger()
    menu.fill()
    assert next(a.text() for a in menu.actions() if a.text()) == "Nothing was opened yet"


def test_geometry_and_page_come_back(stage, theme, qtbot):
    stage.window.show_page("Explore")
    stage.window.resize(1000, 700)  # wider than the screen of these tests
    stage.studio.leaving.leave()
    stage.studio.remember()
    path = stage.models.session._settings.fileName()
    again = Window(theme, Session(path))
    qtbot.addWidget(again)
    assert again.height() == 700
    assert again.session.page == "Explore"


def test_a_new_window_shows_what_the_last_one_showed(stage, theme, qtbot):
    stage.window.show_page("Train")
    stage.act("view.advanced").trigger()
    stage.act("view.log").trigger()
    parts = (stage.window.split, stage.studio.train.split)
    for split in parts:
        split.moveSplitter(split.height() // 2, 1)  # as a drag of its handle does
    stage.studio.leaving.leave()
    stage.studio.remember()

    path = stage.models.session._settings.fileName()
    models = Models(stage.world.link, Path(path))
    window = Window(theme, models.session)
    qtbot.addWidget(window)
    window.resize(stage.window.size())
    window.show()
    studio = Studio(window, theme, models)
    qtbot.waitExposed(window)
    assert window.log.isVisible()
    assert window.actions_["view.log"].isChecked()
    assert studio.train.form.advanced.isChecked()
    for before, after in zip(parts, (window.split, studio.train.split), strict=True):
        assert after.sizes() == pytest.approx(before.sizes(), abs=2)
    window.actions_["view.log"].trigger()
    window.actions_["view.advanced"].trigger()
    again = Session(Path(path))
    assert (again.log, again.advanced) == (False, False)
    studio.leaving.leave()


def test_a_splitter_keeps_its_sizes_for_each_orientation(stage, qtbot):
    split = stage.studio.train.split
    split.moveSplitter(300, 1)
    tall = split.sizes()
    stage.window.resize(1900, 900)
    qtbot.waitUntil(lambda: split.orientation() == Qt.Orientation.Horizontal)
    split.moveSplitter(700, 1)
    stage.window.resize(1280, 800)
    qtbot.waitUntil(lambda: split.orientation() == Qt.Orientation.Vertical)
    qtbot.waitUntil(lambda: split.sizes() == pytest.approx(tall, abs=3))
    assert stage.models.session.sizes("train-horizontal")[0] == pytest.approx(700, abs=2)


@pytest.mark.parametrize("saved", [b"", b"nonsense"])
def test_a_damaged_geometry_is_ignored(qtbot, theme, tmp_path, saved):
    session = Session(tmp_path / "s.ini")
    session.geometry = saved
    window = Window(theme, session)
    qtbot.addWidget(window)
    assert window.width() >= window.minimumWidth()
    assert window.page_title() == ""


def test_what_is_dropped_is_opened(stage, tmp_path, qtbot):
    spec = tmp_path / "run.toml"
    stage.models.form.set("training.steps", "321")
    stage.studio.opener.save_spec(spec)
    stage.models.form.undo()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(spec))])
    assert stage.window.describe_drop(str(spec)) == "Drop to read the spec run.toml into the form."
    copy = Qt.DropAction.CopyAction
    none = Qt.KeyboardModifier.NoModifier
    stage.window.dropEvent(QDropEvent(QPointF(5, 5), copy, data, Qt.MouseButton.LeftButton, none))
    assert stage.models.form.spec.training.steps == 321


def test_a_picture_may_be_dropped_anywhere(stage, tmp_path, qtbot):
    picture = tmp_path / "cat.PNG"
    picture.write_bytes(b"whatever it is: the engine opens it")
    hint = stage.window.describe_drop(str(picture))
    assert hint == "Drop to start from cat.PNG on Explore."
    taken = []
    stage.studio.explore.taker.taken.connect(taken.append)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(picture))])
    words = QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton
    stage.window.show_page("Train")
    stage.window.dropEvent(QDropEvent(*words, Qt.KeyboardModifier.NoModifier))
    assert stage.window.page_title() == "Explore"
    assert taken == []  # there is no model yet that could start from it
    stage.studio.explore_model("emoji")
    qtbot.waitUntil(lambda: taken == [str(picture)])
    stage.window.show_page("Train")
    stage.window.dropEvent(QDropEvent(*words, Qt.KeyboardModifier.NoModifier))
    assert taken == 2 * [str(picture)]


def test_a_closed_window_leaves_no_timer_and_no_thread(training, qtbot):
    stage, run = training
    threads = set(threading.enumerate())
    stage.world.finish(run.name)
    qtbot.waitUntil(lambda: not stage.studio.leaving.active())
    stage.window.close()
    assert stage.window.is_closed
    ended = spawn(stage.studio.stop())
    qtbot.waitUntil(ended.done)
    qtbot.waitUntil(lambda: not [t for t in stage.window.findChildren(QTimer) if t.isActive()])
    assert set(threading.enumerate()) <= threads
