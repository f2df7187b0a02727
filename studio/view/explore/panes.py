"""The particles with their legend, and what stands there before there is a model."""

from functools import partial

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QAction, QColor, QIcon, QPainter, QPaintEvent, QPen, QPixmap, QPolygonF
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton

from studio.model.chord_model import ChordModel
from studio.model.companions import Companions
from studio.model.explore_model import ExploreModel
from studio.model.field_model import FieldKind, FieldModel
from studio.model.states import States
from studio.theme.theme import Theme
from studio.view.explore import chord_part
from studio.view.explore.field_layers import FIELDS
from studio.view.explore.fresh_trace import FreshTrace
from studio.view.explore.line import Line
from studio.view.explore.particles import ParticlesPlot
from studio.view.explore.telling import caption, gap_text
from studio.view.widgets.card import Card, label

LEGEND = {
    "start": ("xₜ", "Where the points stand"),
    "learned": ("learned", "Where the model puts them"),
    "exact": ("exact", "Where they belong"),
    "paths": ("paths", "The ways of some of them, learned and exact"),
}


class ParticlesPane(Card):
    """The plot with its legend, whose entries switch the layers."""

    def __init__(
        self,
        explore: ExploreModel,
        companions: Companions,
        fields: FieldModel,
        chord: ChordModel,
        fresh: FreshTrace,
        theme: Theme,
    ) -> None:
        super().__init__("Particles")
        self._chord = chord
        self._theme, self._fields = theme, fields
        self.plot = ParticlesPlot(explore, companions, fields, fresh, theme)
        self.chord = chord_part.ChordOverlay(self.plot, chord, theme)
        self.chord_line = Line(chord_part.TITLE, theme)
        self.line, self._pointed = Line("This jump", theme), label("", "muted")
        self._companions = companions
        self._gaps = label("", "small")
        self.plot.pointed.connect(self._pointed.setText)
        companions.states_changed.connect(self._show_gaps)
        fields.changed.connect(self._show_gaps)
        chord.changed.connect(self._show_chord)
        self.setContentsMargins(-13, 0, -13, -4)
        self.head.setContentsMargins(13, 0, 9, 0)
        self.head.setSpacing(2)
        self.legend = {name: self._entry(name) for name in LEGEND}
        for entry in self.legend.values():
            self.head.addWidget(entry)
        self.fields = self._fields_button()
        self.head.addWidget(self.fields)
        foot = QHBoxLayout()
        foot.setContentsMargins(13, 0, 13, 0)
        foot.addWidget(self.line, 1)
        foot.addWidget(self._gaps)
        foot.addWidget(self._pointed)
        self.body.addWidget(self.plot, 1)
        chord_row = QHBoxLayout()
        chord_row.setContentsMargins(13, 0, 13, 0)
        chord_row.addWidget(self.chord_line)
        self.body.addLayout(chord_row)
        self.body.addLayout(foot)
        self._show_chord()
        theme.changed.connect(self._dress)
        self._dress()

    def show_states(self, states: States) -> None:
        """Show an answer; the plot reads the model by itself."""
        self.line.set_text(caption(states))

    def _show_gaps(self) -> None:
        said = [gap_text(other) for other in self._companions.all]
        self._gaps.setText(" · ".join(text for text in (*said, self._fields.said) if text))

    def _show_chord(self) -> None:
        self.chord_line.setVisible(self._chord.on)
        self.chord_line.set_text(chord_part.told(self._chord))
        self.chord_line.setToolTip(chord_part.TOLD)
        self.chord_action.setChecked(self._chord.on)

    def show_exact(self, known: bool) -> None:
        """Offer the exact map where the data set has one."""
        self.legend["exact"].setVisible(known)

    def _fields_button(self) -> QToolButton:
        """The fields, of which most are out of sight."""
        button, menu = QToolButton(), QMenu(self)
        button.setProperty("role", "quiet")
        button.setText("fields")
        button.setToolTip("Velocity (F), average velocity, mesh, and the chord at the cursor (H)")
        button.setAccessibleName("Fields over the plane")
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu.setToolTipsVisible(True)
        self.field_actions: dict[FieldKind, QAction] = {}
        for kind, (title, tip) in FIELDS.items():
            action = menu.addAction(title)
            action.setCheckable(True)
            action.setToolTip(tip)
            action.toggled.connect(partial(self._fields.choose, kind))
            self.field_actions[kind] = action
        self.chord_action = menu.addAction(chord_part.TITLE)
        self.chord_action.setCheckable(True)
        self.chord_action.setToolTip(chord_part.TIP)
        self.chord_action.toggled.connect(self._chord.switch)
        button.setMenu(menu)
        return button

    def _entry(self, name: str) -> QToolButton:
        entry = QToolButton()
        entry.setProperty("role", "quiet")
        entry.setCheckable(True)
        entry.setChecked(True)
        entry.setText(LEGEND[name][0])
        entry.setToolTip(f"{LEGEND[name][1]}: show or hide")
        entry.setAccessibleName(f"Show {LEGEND[name][0]}")
        entry.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        entry.setIconSize(QSize(18, 14))
        entry.toggled.connect(lambda on: self.plot.show_layer(name, on))
        return entry

    def _dress(self) -> None:
        for name, entry in self.legend.items():
            icon = QIcon()
            for on, state in ((True, QIcon.State.On), (False, QIcon.State.Off)):
                for ratio in (1, 2):
                    icon.addPixmap(self._sign(name, on, ratio), QIcon.Mode.Normal, state)
            entry.setIcon(icon)

    def _sign(self, name: str, on: bool, ratio: int) -> QPixmap:
        """How a layer looks; crossed out where it is off."""
        tokens = self._theme.tokens
        colours = {"start": tokens.muted, "exact": tokens.models[1]}
        picture = QPixmap(18 * ratio, 14 * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = QColor(colours.get(name, tokens.models[0]) if on else tokens.line)
        painter.setPen(QPen(colour, 1.4))
        if name == "paths":
            painter.drawLine(2, 7, 16, 7)
        else:
            side = 6 if name == "start" else 9
            if name != "exact":
                painter.setBrush(colour)
            painter.drawEllipse(QRectF(9 - side / 2, 7 - side / 2, side, side))
        if not on:
            painter.setPen(QPen(QColor(tokens.muted), 1.2))
            painter.drawLine(4, 12, 14, 2)
        painter.end()
        return picture


class EmptyPane(Card):
    """What stands there before a model does: a sentence."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.text = label("", "muted")
        self.text.setWordWrap(True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.body.addStretch(1)
        self.body.addWidget(self.text)
        self.body.addStretch(1)

    def say(self, text: str) -> None:
        """Show a sentence."""
        self.text.setText(text)

    def paintEvent(self, event: QPaintEvent) -> None:
        """A faint triangle: the pad's sign, until there is something to see."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(self._theme.tokens.line), 1.5))
        x, y = self.width() / 2, self.height() / 2 - 60
        corners = ((-26, 26), (26, 26), (26, -26))
        painter.drawPolygon(QPolygonF([QPointF(x + across, y + down) for across, down in corners]))
        painter.end()
