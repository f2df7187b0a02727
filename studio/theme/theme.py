"""The theme of the application: palette, style sheet and font, made from one set of tokens."""

from functools import cache

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QPalette
from PySide6.QtWidgets import QApplication

from engine.contract.assets import asset
from studio.theme.icons import icon
from studio.theme.sheet import style_sheet
from studio.theme.tokens import DARK, THEMES, Tokens, faded

FONT_FAMILY = "Inter"
FONT_PIXELS = 13


class Theme(QObject):
    """Holds the tokens in use; `changed` says that everything painted by hand must repaint."""

    changed = Signal()

    def __init__(self, name: str = DARK.name) -> None:
        super().__init__()
        self._tokens = THEMES.get(name, DARK)
        self._app: QApplication | None = None

    @property
    def tokens(self) -> Tokens:
        """The colours in use."""
        return self._tokens

    @property
    def name(self) -> str:
        """`dark` or `light`."""
        return self._tokens.name

    def set(self, name: str) -> None:
        """Change to the theme `name`; an unknown name leaves everything as it is."""
        if name == self.name or name not in THEMES:
            return
        self._tokens = THEMES[name]
        if self._app is not None:
            self._paint(self._app)
        self.changed.emit()

    def toggle(self) -> None:
        """Dark to light and back."""
        self.set("light" if self.name == "dark" else "dark")

    def apply(self, app: QApplication) -> None:
        """Dress the application: once, before its first window."""
        self._app = app
        app.setStyle("Fusion")
        load_fonts()
        app.setFont(interface_font())
        self._paint(app)

    def icon(self, name: str, colour: str = "text") -> QIcon:
        """A Lucide icon in the token `colour`."""
        return icon(name, getattr(self.tokens, colour), faded(self.tokens))

    def _paint(self, app: QApplication) -> None:
        app.setPalette(palette(self.tokens))
        app.setStyleSheet(style_sheet(self.tokens))


@cache
def load_fonts() -> None:
    """Make the bundled fonts known to Qt, once."""
    for file in sorted(asset("fonts").glob("*.otf")):
        QFontDatabase.addApplicationFont(str(file))


def interface_font(pixels: int = FONT_PIXELS) -> QFont:
    """Inter with figures of one width, so that numbers do not dance while they count."""
    font = QFont(FONT_FAMILY)
    font.setPixelSize(pixels)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def palette(tokens: Tokens) -> QPalette:
    """The tokens as a Qt palette, for whatever the style sheet does not reach."""
    role = QPalette.ColorRole
    colours = {
        role.Window: tokens.background,
        role.WindowText: tokens.text,
        role.Base: tokens.field,
        role.AlternateBase: tokens.card,
        role.Text: tokens.text,
        role.PlaceholderText: tokens.muted,
        role.Button: tokens.card,
        role.ButtonText: tokens.text,
        role.BrightText: tokens.bad,
        role.Highlight: tokens.accent,
        role.HighlightedText: tokens.on_accent,
        role.Accent: tokens.accent,
        role.Link: tokens.accent,
        role.LinkVisited: tokens.accent,
        role.ToolTipBase: tokens.panel,
        role.ToolTipText: tokens.text,
        role.Light: tokens.line,
        role.Midlight: tokens.line,
        role.Mid: tokens.line,
        role.Dark: tokens.line,
        role.Shadow: tokens.background,
    }
    made = QPalette()
    for which, colour in colours.items():
        made.setColor(which, QColor(colour))
    for which in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, which, QColor(faded(tokens)))
    return made
