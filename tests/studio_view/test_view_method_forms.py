"""The form of every method: whole, in order, and each of its groups under a title of its own."""

import pytest
from PySide6.QtWidgets import QLabel

from engine.contract.catalogue import METHODS, presets
from studio.view.train.row import Row

pytestmark = pytest.mark.gui


@pytest.mark.parametrize("kind", ["points", "emoji-16"])
@pytest.mark.parametrize("name", [m.name for m in METHODS])
def test_every_field_stands_once_under_its_group(stage, name, kind):
    form, view = stage.models.form, stage.studio.train.form.view
    form.set_spec(presets()[f"{kind}-{name}"].spec)
    view.show_advanced(True)
    shown = [f for f in form.fields() if f.shown]
    assert set(view.rows) == {f.key for f in shown}
    layout = view._layout
    widgets = [layout.itemAt(i).widget() for i in range(layout.count())]
    rows = [w for w in widgets if isinstance(w, Row)]
    assert rows == [view.rows[f.key] for f in shown]
    title, found = "", []
    for widget in widgets:
        if isinstance(widget, QLabel) and not widget.isHidden():
            title = widget.text()
        elif isinstance(widget, Row):
            found.append(title)
    assert found == [f.group or "General" for f in shown]


def test_switching_through_all_methods_leaves_no_row_behind(stage):
    form, view = stage.models.form, stage.studio.train.form.view
    for method in METHODS:
        form.set("method", method.name)
    assert set(view.rows) == {f.key for f in form.fields() if f.shown and not f.advanced}


def test_an_empty_teacher_says_what_it_means(stage):
    form, view = stage.models.form, stage.studio.train.form.view
    form.set_spec(presets()["emoji-16-cd"].spec)
    assert view.rows["method.teacher.source"].editor.line.placeholderText() == "trained first"
    assert "method.teacher.steps" in view.rows
    form.set("method.teacher.source", "exact")
    assert "method.teacher.steps" not in view.rows
    assert [p.key for p in form.problems()] == ["method.teacher.source"]
