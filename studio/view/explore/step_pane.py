"""One training step, opened: the method's equation above the batch that it was evaluated on."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QScrollArea, QWidget

from studio.model.step_model import StepModel
from studio.theme.theme import Theme
from studio.view.explore.step_table import StepTable
from studio.view.explore.tool import Tool
from studio.view.widgets.card import Card, label

KEY = "T"
_BESIDE = 8  # pixels that an area keeps beside its bar
TIP = f"One training batch as the terms of the loss ({KEY})"
_SIGNS = (
    "E is the mean over the batch, sg stops the gradient, || · ||² is a mean square, d the "
    "method's own distance, and w the weight."
)


class StepPane(Card):
    """Equation, notes and table; it stays until it is closed."""

    def __init__(self, steps: StepModel, theme: Theme) -> None:
        super().__init__("One training step")
        self._steps = steps
        self.said = label("", "muted")
        self.close_button = Tool(
            theme, "x", "Close the training step", lambda: steps.toggle(False), tip=f"Close ({KEY})"
        )
        self.close_button.setProperty("role", "quiet")
        self.head.addWidget(self.said)
        self.head.addWidget(self.close_button)
        self.equation = QLabel()
        self.equation.setTextFormat(Qt.TextFormat.RichText)
        self.equation.setWordWrap(True)
        self.equation.setStyleSheet("font-size: 16px")
        self.equation.setAccessibleName("Equation of the method")
        self.equation.setToolTip(_SIGNS)
        self.notes = label("", "small")
        self.notes.setWordWrap(True)
        self.table = StepTable(theme)
        self.area = QScrollArea()
        self.area.setWidget(self.table)
        self.area.setWidgetResizable(True)
        self.area.setCornerWidget(QWidget())
        self.area.setAccessibleName("Samples of the batch")
        self.body.addWidget(self.equation)
        self.body.addWidget(self.notes)
        self.body.addWidget(self.area, 1)
        steps.changed.connect(self._show)
        self._show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Long equations take another line, and the table shrinks rather than scroll sideways."""
        super().resizeEvent(event)
        self.equation.updateGeometry()
        self._fit()

    def _fit(self) -> None:
        sides = self.outer.contentsMargins()
        bar = self.area.verticalScrollBar().sizeHint().width()
        self.table.fit(self.width() - sides.left() - sides.right() - bar - _BESIDE)

    def _show(self) -> None:
        step, problem = self._steps.step, self._steps.problem
        self.area.setVisible(step is not None)
        self.equation.setVisible(step is not None)
        notes = " ".join(step.notes) if step else problem or "Opening the step…"
        self.notes.setText(notes)
        self.notes.setVisible(bool(notes))
        if step is None:
            self.said.setText("")
            return
        count = len(step.terms["t"])
        self.said.setText(f"step {step.step:,} · {count} samples · loss {step.loss:.4g}")
        self.equation.setText(step.equation.loss)
        self.table.show_step(step)
        self._fit()
