"""The choice of a preset: a list in sections, searched by typing."""

from collections.abc import Sequence
from itertools import groupby

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QKeyEvent, QStandardItem, QStandardItemModel

from engine.contract.catalogue import Preset
from engine.contract.specs import MLP
from studio.theme.theme import Theme
from studio.view.train.preset_panel import SHORT, WORDS, Panel
from studio.view.widgets.combo import Combo

BETWEEN = " · "  # a section and what stands in it, in a preset's title


class PresetPicker(Combo):
    """A combo box of presets whose list has sections; letters typed into it look for one."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setModel(QStandardItemModel(self))
        self.panel = Panel(self, theme)
        self.panel.chosen.connect(self._choose)
        self._presets: tuple[Preset, ...] = ()

    def show_presets(self, presets: Sequence[Preset], name: str) -> None:
        """Show these presets with `name` chosen, without telling anybody."""
        with QSignalBlocker(self):
            if tuple(presets) != self._presets:
                self._presets = tuple(presets)
                self._fill()
            self.setCurrentIndex(self.findData(name))

    def showPopup(self) -> None:
        """Open the list below."""
        self.panel.open("", self.currentIndex())

    def hidePopup(self) -> None:
        """Close it."""
        self.panel.hide()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Letters open the list and are looked for."""
        text = event.text()
        if text.strip() and text.isprintable():
            self.panel.open(text, self.currentIndex())
        else:
            super().keyPressEvent(event)

    def _fill(self) -> None:
        model = self.model()
        assert isinstance(model, QStandardItemModel)
        model.clear()
        for section, presets in sections(self._presets):
            if section:
                model.appendRow(_header(section, presets))
            for preset in presets:
                model.appendRow(_row(preset))

    def _choose(self, row: int) -> None:
        self.setCurrentIndex(row)
        self.activated.emit(row)


def sections(presets: Sequence[Preset]) -> list[tuple[str, list[Preset]]]:
    """By the first part of their titles; points first, then from short trainings to long ones."""

    def size(section: str) -> tuple[bool, int]:
        own = [p.spec for p in presets if _parts(p)[0] == section]
        points = all(isinstance(spec.network, MLP) for spec in own)
        return not points, max(spec.training.steps * spec.training.batch for spec in own)

    ordered = sorted(presets, key=lambda p: (size(_parts(p)[0]), _parts(p)[0]))
    return [(section, list(own)) for section, own in groupby(ordered, lambda p: _parts(p)[0])]


def _parts(preset: Preset) -> tuple[str, str]:
    """The section of a preset, "" where its title names none, and the rest of its title."""
    section, between, rest = preset.title.partition(BETWEEN)
    return (section, rest) if between else ("", preset.title)


def _words(preset: Preset) -> str:
    """What it is found by: its title, its name and the data."""
    return f"{preset.title} {preset.name} {preset.spec.data.name}".lower()


def _header(section: str, presets: list[Preset]) -> QStandardItem:
    item = QStandardItem(section)
    item.setEnabled(False)
    item.setSelectable(False)
    item.setData(section, SHORT)
    item.setData([_words(preset) for preset in presets], WORDS)
    return item


def _row(preset: Preset) -> QStandardItem:
    item = QStandardItem(preset.title)
    item.setData(preset.name, Qt.ItemDataRole.UserRole)
    item.setData(_parts(preset)[1], SHORT)
    item.setData([_words(preset)], WORDS)
    item.setToolTip(preset.summary)
    return item
