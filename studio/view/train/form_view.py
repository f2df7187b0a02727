"""The form, generated from the fields of the spec."""

from itertools import pairwise

from PySide6.QtCore import Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from engine.contract.schema import Field
from engine.contract.specs import MLP
from studio.model.catalogue_model import CatalogueModel
from studio.model.form_model import FormModel
from studio.theme.theme import Theme
from studio.view.explore.tool import Tool
from studio.view.train.editors import make_editor
from studio.view.train.row import LABEL_WIDTH, RESET_WIDTH, Row
from studio.view.widgets.card import label

GENERAL = "General"


class FormView(QWidget):
    """Rows in groups; a row lives as long as its field, so typing is never interrupted."""

    grown = Signal(object)  # a row, when it needs more room
    draw_wanted = Signal()  # of a person who draws the data

    def __init__(self, form: FormModel, catalogue: CatalogueModel, theme: Theme) -> None:
        super().__init__()
        self._form, self._catalogue, self._theme = form, catalogue, theme
        self._advanced = False
        self.rows: dict[str, Row] = {}
        self._titles: dict[tuple[str, int], QLabel] = {}
        self._order: list[QWidget] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 8, 4)
        self._layout.setSpacing(9)
        self._layout.addStretch(1)
        self._seen = False
        self.draw = self._draw_button()
        self._draw_line = _under_editors(self.draw)
        self._draw_line.setParent(self)
        self._draw_line.hide()
        form.changed.connect(self.refresh)

    def showEvent(self, event: QShowEvent) -> None:
        """Rows are made when they are first seen: a style sheet dresses a hidden row many times."""
        super().showEvent(event)
        if not self._seen:
            self._seen = True
            self.refresh()

    def show_advanced(self, advanced: bool) -> None:
        """Show every field, or only what most people need."""
        self._advanced = advanced
        self.refresh()

    def go_to(self, key: str) -> Row | None:
        """Put the focus into a field, if it is shown."""
        row = self.rows.get(key)
        if row is not None:
            row.editor.widget.setFocus()
        return row

    def refresh(self) -> None:
        """Show the form as it is."""
        if not self._seen:
            return
        problems = {p.key: p.message for p in reversed(self._form.problems())}
        fields = [f for f in self._form.fields() if self._wanted(f, problems)]
        self._arrange(fields)
        for field in fields:
            text = self._form.text(field.key)
            self.rows[field.key].show_field(field, text, problems.get(field.key, ""))

    def _wanted(self, field: Field, problems: dict[str, str]) -> bool:
        """A field with a problem is shown even where only the simple ones are."""
        return field.shown and (self._advanced or not field.advanced or field.key in problems)

    def _arrange(self, fields: list[Field]) -> None:
        """Make missing rows, drop those that are gone, and put all in order."""
        gone = set(self.rows) - {f.key for f in fields}
        for key in gone:
            self._drop(self.rows.pop(key))
        order: list[QWidget] = []
        group = None
        for field in fields:
            if (field.group or GENERAL) != group:
                group = field.group or GENERAL
                order.append(self._title(group, sum(w in order for w in self._of(group))))
            order.append(self._row(field))
            if field.key == "data.name" and isinstance(self._form.spec.network, MLP):
                order.append(self._draw_line)
        self._draw_line.setVisible(self._draw_line in order)
        for title in set(self._titles.values()) - set(order):
            title.hide()
        if order != self._order:
            self._put(order)

    def _put(self, order: list[QWidget]) -> None:
        for index, widget in enumerate(order):
            if self._layout.indexOf(widget) != index:
                self._layout.removeWidget(widget)
                self._layout.insertWidget(index, widget)
            widget.show()
        stops = [stop for widget in order if (stop := self._stop(widget)) is not None]
        for before, after in pairwise(stops):
            QWidget.setTabOrder(before, after)
        self._order = order

    def _stop(self, widget: QWidget) -> QWidget | None:
        """Where the Tab key stops in a line of the form."""
        if isinstance(widget, Row):
            return widget.editor.widget
        return self.draw if widget is self._draw_line else None

    def _title(self, group: str, before: int) -> QLabel:
        """The title of a group; two groups of one name have a title each."""
        key = group, before
        if key not in self._titles:
            title = label(group, "title")
            title.setContentsMargins(0, 8 if self._titles else 0, 0, 0)
            self._titles[key] = title
        return self._titles[key]

    def _of(self, group: str) -> list[QLabel]:
        return [title for (name, _), title in self._titles.items() if name == group]

    def _row(self, field: Field) -> Row:
        if field.key not in self.rows:
            editor = make_editor(field, self._theme, self._catalogue)
            row = Row(field, editor, self._theme)
            row.edited.connect(self._form.set)
            row.left.connect(self._leave)
            row.grown.connect(self.grown)
            row.reset_wanted.connect(self._form.reset)
            self.rows[field.key] = row
        return self.rows[field.key]

    def _draw_button(self) -> Tool:
        name, tip = "Draw points…", "Draw a point set of your own and train on it"
        made = Tool(self._theme, "pencil", name, self.draw_wanted.emit, name, tip, "muted")
        made.setProperty("role", "quiet")
        return made

    def _leave(self) -> None:
        self._form.commit()
        self.refresh()

    def _drop(self, row: Row) -> None:
        self._layout.removeWidget(row)
        row.hide()
        row.deleteLater()


def _under_editors(widget: QWidget) -> QWidget:
    """A line of the form that holds something below the editor of the row before it."""
    line = QWidget()
    layout = QHBoxLayout(line)
    layout.setContentsMargins(LABEL_WIDTH + RESET_WIDTH + 8, 0, 0, 0)
    layout.addWidget(widget)
    layout.addStretch(1)
    return line
