"""Names and sentences of others are shown as they are: nothing of them is taken for HTML."""

import ast
from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtGui import QAction, Qt
from PySide6.QtWidgets import QLabel, QWidget

import studio
from engine.contract import messages as m
from studio.view.widgets.card import label
from studio.view.widgets.elided import Elided
from studio.view.widgets.tips import plain_tip

pytestmark = pytest.mark.gui

EVIL = "<b>x<img src=x>"  # a folder can be called so


def taken_for_html(window):
    """Every text in a window that Qt would not show letter by letter."""
    auto = Qt.TextFormat.AutoText
    for part in [window, *window.findChildren(QWidget)]:
        if isinstance(part, QLabel) and part.textFormat() == auto and part.text():
            yield f"a label: {part.text()}"
        if Qt.mightBeRichText(part.toolTip()) and not part.toolTip().startswith("<qt>"):
            yield f"a tooltip: {part.toolTip()}"
    for action in window.findChildren(QAction):
        if Qt.mightBeRichText(action.toolTip()) and not action.toolTip().startswith("<qt>"):
            yield f"an action's tooltip: {action.toolTip()}"


def test_a_run_with_html_for_a_name_is_shown_literally(stage, qtbot):
    world, models = stage.world, stage.models
    world.models[EVIL] = replace(world.models["points"], name=EVIL, title=EVIL)
    world.add_run(EVIL)
    models.runs.runs = list(world.runs.values())
    stage.studio.opener.open(EVIL)
    qtbot.waitUntil(lambda: models.runs.current is not None)
    world.train(EVIL, 200)
    stage.studio.opener._open_model(EVIL)
    qtbot.waitUntil(lambda: models.explore.model is not None)
    assert models.explore.name == EVIL
    world.link.notice(m.EngineNote("error", EVIL))
    stage.window.notices.tell(EVIL, "error", "one")
    stage.window.resize(700, 500)
    for page in ("Train", "Explore"):
        stage.window.show_page(page)
        stage.window.grab()  # names are cut, and stand whole in tooltips
        assert list(taken_for_html(stage.window)) == []
    shown = [part.text() for part in stage.window.findChildren(QLabel)]
    assert any(EVIL in text for text in shown)
    assert EVIL in stage.window.log.text.toPlainText()


def test_a_tooltip_shows_what_looks_like_html():
    assert plain_tip("t < 1, s = 0") == "t < 1, s = 0"
    assert plain_tip("<b>x</b>\ny") == "<qt>&lt;b&gt;x&lt;/b&gt;<br>y</qt>"
    assert plain_tip("") == ""


def test_a_name_that_is_cut_is_whole_and_plain_in_its_tooltip(qtbot):
    made = Elided()
    qtbot.addWidget(made)
    made.setText(EVIL)
    made.resize(20, 20)
    made.grab()
    assert made.toolTip() == plain_tip(EVIL) != EVIL
    assert list(taken_for_html(made)) == []


def test_a_label_of_ours_is_plain(qtbot):
    made = label(EVIL)
    qtbot.addWidget(made)
    assert made.textFormat() == Qt.TextFormat.PlainText
    assert list(taken_for_html(made)) == []


def test_every_label_with_a_text_is_made_by_the_one_that_is_plain():
    """`QLabel("text")` guesses; `label("text")` does not. Boxes of Qt's own guess as well."""
    found = []
    for path in sorted(Path(studio.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(
                node.func, "attr", "")  # fmt: skip
            if (name == "QLabel" and node.args) or name in ("QMessageBox", "setHtml", "TextItem"):
                found.append(path.name)
    assert set(found) <= {"card.py"}
