"""The form, generated from the fields of the spec."""

from itertools import pairwise

from PySide6.QtCore import Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from engine.contract.schema import Field
from studio.model.catalogue_model import CatalogueModel
from studio.model.form_model import FormModel
from studio.theme.theme import Theme
from studio.view.train.editors import make_editor
from studio.view.train.row import Row
from studio.view.widgets.card import label

GENERAL = "General"


class FormView(QWidget):
    """Rows in groups; a row lives as long as its field, so typing is never interrupted."""

    grown = Signal(object)  # a row, when it needs more room

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
        for before, after in pairwise(order):
            if isinstance(before, Row) and isinstance(after, Row):
                QWidget.setTabOrder(before.editor.widget, after.editor.widget)
        self._order = order

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

    def _leave(self) -> None:
        self._form.commit()
        self.refresh()

    def _drop(self, row: Row) -> None:
        self._layout.removeWidget(row)
        row.hide()
        row.deleteLater()
