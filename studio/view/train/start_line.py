"""What a new run starts from, above its form, with the way to drop it."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout

from engine.contract.lineage import origin
from engine.contract.schema import Difference, said
from studio.model.form_model import FormModel
from studio.theme.theme import Theme
from studio.view.explore.tool import Tool
from studio.view.widgets.card import label
from studio.view.widgets.elided import Elided
from studio.view.widgets.tips import plain_tip

MOST = 20  # lines of a tooltip
WORDS = "Starts from the weights of"
MIDDLE = Qt.TextElideMode.ElideMiddle  # a step is at the end


class StartLine(QFrame):
    """Shown while the form names a model to start from."""

    def __init__(self, form: FormModel, theme: Theme) -> None:
        super().__init__()
        self._form = form
        self.setProperty("role", "note")
        self.setAccessibleName("What the run starts from")
        self.name, self.differs = Elided("title", MIDDLE), Elided("small")
        self.drop = Tool(theme, "x", "Start from new weights", self._drop, colour="muted")
        self.drop.setProperty("role", "quiet")
        lines = QVBoxLayout()
        lines.setSpacing(2)
        for line in (label(WORDS, "small"), self.name, self.differs):
            lines.addWidget(line)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 6, 6, 7)
        row.setSpacing(6)
        row.addLayout(lines, 1)
        row.addWidget(self.drop, 0, Qt.AlignmentFlag.AlignTop)
        form.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what the form says."""
        start = self._form.spec.start
        self.setVisible(bool(start))
        self.name.setText(origin(start))
        found = self._form.changes()
        self.differs.setText("" if found is None else summary(found))
        self.name.tip = self.differs.tip = told(found)
        self.setToolTip(plain_tip(told(found)))
        self.setAccessibleDescription(f"{WORDS} {self.name.text()}. {self.differs.text()}")

    def _drop(self) -> None:
        self._form.commit()
        self._form.set("start", "")
        self._form.commit()


def summary(found: Sequence[Difference]) -> str:
    """Which fields differ, in a line."""
    if not found:
        return "All else is as it was; change a field."
    return f"{len(found)} changed: " + ", ".join(difference.label for difference in found)


def told(found: Sequence[Difference] | None) -> str:
    """Each field that differs, a line each, as it was and as it is."""
    if found is None:
        return ""
    if not found:
        return "The same as its parent in all else."
    lines = [f"{d.label}: {_way(d)}" for d in found[:MOST]]
    more = len(found) - MOST
    return "\n".join(
        ["Other than its parent:", *lines, *([f"and {more} more"] if more > 0 else [])]
    )


def _way(found: Difference) -> str:
    if found.before is None:
        return said(found.after)
    return f"{said(found.before)} → {said(found.after)}"
