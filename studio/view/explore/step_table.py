"""The batch of a training step as a table: a row for each sample, a column for each term."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QHelpEvent, QPainter, QPaintEvent, QStaticText
from PySide6.QtWidgets import QToolTip, QWidget

from engine.contract.equations import Term
from studio.model.step_model import Step
from studio.theme.theme import Theme
from studio.view.explore.step_cells import Look, draw_cell, look_of, number

_HEAD, _CELL, _GAP, _NUMBER = 46.0, 54.0, 5.0, 44.0
_LEAST, _MOST = 0.66, 1.25  # sizes between which it fits itself into the width that there is
_SYMBOL = 15  # pixels of the symbols, so that what stands below the line can be read
_SMALL, _READ = 11, 8.8  # pixels of what stands below them, and the least that is left of it
_APART = ("du", "g")  # of a size of their own: derivatives, not velocities
_COSINES = (
    ("target", "cos", "Cosine of answer and target: 1 where both point alike."),
    ("v", "cos <b>v</b>", "Cosine of answer and v, the velocity of the sample's line."),
)


class Column(NamedTuple):
    """A term, its values over the rows, and how they are shown."""

    term: Term
    values: NDArray[np.float32]
    look: Look
    head: QStaticText
    said: str  # below the head: its size over the batch


class StepTable(QWidget):
    """Hovering a head says what the term is, hovering a cell its numbers."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.columns: list[Column] = []
        self._rows, self._size, self._room = 0, 1.0, 0
        self.setAccessibleName("Terms of the training step")
        theme.changed.connect(self.update)

    def show_step(self, step: Step) -> None:
        """Show a step; terms that it does not have are left out."""
        terms = [(t, step.terms[t.key]) for t in step.equation.terms if t.key in step.terms]
        place = next((k for k, (t, _) in enumerate(terms) if t.key == "distance"), len(terms))
        terms[place:place] = _cosines(step)
        font = QFont(self.font())
        font.setPixelSize(_SYMBOL)
        self.columns = [_column(term, values, _look(term, terms), font) for term, values in terms]
        self._rows = len(step.terms["t"])
        said = "; ".join(f"{c.term.key} {c.said}" for c in self.columns)
        self.setAccessibleDescription(f"{self._rows} samples: {said}")
        self.fit(self._room)

    def fit(self, room: int) -> None:
        """Take this width, as far as it can be read and is not coarse."""
        self._room = room
        needed = sum(_width(column) + _GAP for column in self.columns) + _GAP
        self._size = min(_MOST, max(_LEAST, room / needed)) if room else 1.0
        self.setMinimumSize(self.sizeHint())
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """As large as its cells need."""
        width = sum(_width(column) + _GAP for column in self.columns) + _GAP
        height = _HEAD + self._rows * (_CELL + _GAP)
        return QSize(int(self._size * width), round(self._size * height))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Heads, then the cells that are in sight."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(self._size, self._size)
        tokens, shown = self._theme.tokens, QRectF(event.rect())
        shown = QRectF(shown.topLeft() / self._size, shown.size() / self._size)
        small, symbols = QFont(self.font()), QFont(self.font())
        small.setPixelSize(max(_SMALL, round(_READ / self._size)))
        symbols.setPixelSize(_SYMBOL)
        for place, column in enumerate(self.columns):
            box = self.box(-1, place)
            size = column.head.size()
            left = box.center().x() - size.width() / 2
            painter.save()
            painter.setFont(symbols)
            painter.setPen(QColor(tokens.text))
            painter.drawStaticText(QPointF(left, box.top() + 2), column.head)
            painter.setFont(small)
            painter.setPen(QColor(tokens.muted))
            foot = QRectF(box.left() - _GAP, box.bottom() - 18, box.width() + 2 * _GAP, 14)
            painter.drawText(foot, Qt.AlignmentFlag.AlignCenter, column.said)
            painter.restore()
            for row in range(self._rows):
                cell = self.box(row, place)
                if cell.intersects(shown):
                    draw_cell(painter, cell, column.values[row], column.look, tokens)
        painter.end()

    def event(self, event: QEvent) -> bool:
        """Tell about what is under the cursor."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            said = self.said_at(QPointF(event.pos()) / self._size)
            QToolTip.showText(event.globalPos(), said, self)
            return True
        return super().event(event)

    def said_at(self, place: QPointF) -> str:
        """One line about the head, or the cell, at a place of the full size; "" beside them."""
        for k, column in enumerate(self.columns):
            for row in range(-1, self._rows):
                if self.box(row, k).contains(place):
                    return _about(column) if row < 0 else _values(column, row)
        return ""

    def box(self, row: int, column: int) -> QRectF:
        """Where a cell lies; row -1 is the head."""
        left = _GAP + sum(_width(c) + _GAP for c in self.columns[:column])
        width = _width(self.columns[column])
        if row < 0:
            return QRectF(left, 0, width, _HEAD)
        return QRectF(left, _HEAD + row * (_CELL + _GAP), width, _CELL)


def _cosines(step: Step) -> list[tuple[Term, NDArray[np.float32]]]:
    answer = next(term for term in step.equation.terms if term.key == "answer")
    wanted = [(o, s, m) for o, s, m in _COSINES if o in step.terms and answer.shape == "velocity"]
    return [(Term(f"cos {o}", s, m, "number"), step.cosine("answer", o)) for o, s, m in wanted]


def _look(term: Term, terms: list[tuple[Term, NDArray[np.float32]]]) -> Look:
    """States are shown to one scale and velocities to one, so that their sums can be seen."""
    like = [
        values
        for other, values in terms
        if other is term or (other.shape == term.shape and not {other.key, term.key} & {*_APART})
    ]
    return look_of(term.shape, np.concatenate(like))


def _column(term: Term, values: NDArray[np.float32], look: Look, font: QFont) -> Column:
    head = QStaticText(term.symbol)
    head.setTextFormat(Qt.TextFormat.RichText)
    head.prepare(font=font)
    known = values[np.isfinite(values)]
    if not known.size:
        said = ""
    elif values.ndim == 1:
        said = f"ø {number(float(known.mean()))}"
    else:
        said = f"rms {number(float(np.sqrt(np.square(known).mean())))}"
    return Column(term, values, look, head, said)


def _width(column: Column) -> float:
    least = _NUMBER if column.values.ndim == 1 else _CELL
    return max(least, column.head.size().width())


def _about(column: Column) -> str:
    shape = ", ".join(map(str, column.values.shape))
    return f"{column.term.meaning} float32 [{shape}], {column.said}"


def _values(column: Column, row: int) -> str:
    value = column.values[row]
    if np.isnan(value).all():
        return "This row has no such term."
    if value.ndim == 0:
        return f"{column.term.key} = {float(value):.6g}"
    if value.ndim == 1:
        return f"{column.term.key} = ({', '.join(f'{part:.4g}' for part in value)})"
    rms = float(np.sqrt(np.square(value).mean()))
    shown = f"shown from {-column.look.reach:.3g} to {column.look.reach:.3g}"
    return f"{column.term.key}: rms {rms:.4g}, {value.min():.3g} to {value.max():.3g}, {shown}"
