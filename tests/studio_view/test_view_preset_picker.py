"""The picker of presets: sections that cannot be chosen, found by typing, all by the keyboard."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QSignalSpy, QTest

from engine.contract.catalogue import presets
from studio.view.train.preset_picker import PresetPicker, sections

pytestmark = [
    pytest.mark.gui,
    # Without a screen a popup can neither be raised nor take the keyboard.
    pytest.mark.qt_log_ignore("This plugin does not support", extend=True),
]

ALL = tuple(presets().values())
Key = Qt.Key


@pytest.fixture
def picker(qtbot, theme):
    made = PresetPicker(theme)
    qtbot.addWidget(made)
    made.show_presets(ALL, "points-meanflow")
    made.show()
    made.setFocus()
    yield made
    made.hidePopup()


def shown(picker):
    """The rows of the open list: its sections in brackets."""
    model = picker.panel.view.model()
    rows = [model.index(row, 0) for row in range(model.rowCount())]
    return [
        index.data() if index.flags() & Qt.ItemFlag.ItemIsEnabled else f"[{index.data()}]"
        for index in rows
    ]


def typed(picker, text):
    QTest.keyClicks(picker.panel.search, text)


def press(picker, *keys):
    for key in keys:
        QTest.keyClick(picker.panel.search, key)


def pointed(picker):
    return picker.panel.view.currentIndex().data(Qt.ItemDataRole.UserRole)


def test_every_preset_stands_once_in_its_section():
    found = sections(ALL)
    assert sorted(p.name for _, own in found for p in own) == sorted(p.name for p in ALL)
    assert [name for name, _ in found][:2] == ["Points", "Emoji 16 px"]
    assert all(p.title.startswith(f"{name} · ") for name, own in found for p in own)


def test_a_section_is_a_title_and_cannot_be_chosen(picker, qtbot):
    spy = QSignalSpy(picker.activated)
    picker.showPopup()
    rows = shown(picker)
    assert rows[0] == "[Points]"
    assert "[CIFAR-10]" in rows
    assert len(rows) == len(ALL) + len(sections(ALL))
    header = picker.panel.view.model().index(0, 0)
    picker.panel.view.entered.emit(header)
    picker.panel.view.clicked.emit(header)
    assert picker.panel.isVisible()
    assert pointed(picker) == "points-meanflow"
    assert spy.count() == 0
    assert picker.findData("") == -1


def test_words_are_looked_for_in_any_order_and_keep_their_sections(picker):
    picker.showPopup()
    typed(picker, "MEAN emoji")
    assert shown(picker) == ["[Emoji 16 px]", "MeanFlow", "[Emoji 32 px]", "MeanFlow"]
    assert pointed(picker) == "emoji-16-meanflow"
    press(picker, Key.Key_Backspace, Key.Key_Backspace)
    assert "[Points]" not in shown(picker)
    picker.panel.search.clear()
    assert len(shown(picker)) == len(ALL) + len(sections(ALL))


def test_the_keyboard_skips_sections_and_takes_what_it_points_at(picker):
    spy = QSignalSpy(picker.activated)
    picker.showPopup()
    typed(picker, "meanflow")
    seen = [pointed(picker)]
    for _ in range(3):
        press(picker, Key.Key_Down)
        seen.append(pointed(picker))
    assert seen[:3] == ["points-meanflow", "emoji-16-meanflow", "emoji-32-meanflow"]
    assert seen[3] == "cifar-10-meanflow"
    press(picker, Key.Key_Up, Key.Key_Up, Key.Key_Return)
    assert not picker.panel.isVisible()
    assert picker.key() == "emoji-16-meanflow"
    assert picker.currentText() == "Emoji 16 px · MeanFlow"
    assert spy.count() == 1
    assert spy.at(0) == [picker.currentIndex()]


def test_letters_open_the_closed_list_and_arrows_step_over_sections(picker):
    QTest.keyClick(picker, "t")
    assert picker.panel.isVisible()
    assert picker.panel.search.text() == "t"
    press(picker, Key.Key_Escape)
    assert not picker.panel.isVisible()
    last, first = sections(ALL)[0][1][-1], sections(ALL)[1][1][0]
    picker.show_presets(ALL, last.name)
    QTest.keyClick(picker, Key.Key_Down)
    assert picker.key() == first.name
    QTest.keyClick(picker, Key.Key_Up)
    assert picker.key() == last.name
    QTest.keyClick(picker, Key.Key_Space)
    assert picker.panel.isVisible()
    assert pointed(picker) == last.name


def test_leaving_the_list_changes_nothing(picker):
    spy = QSignalSpy(picker.activated)
    for key in (Key.Key_Escape, Key.Key_Tab):
        picker.showPopup()
        typed(picker, "ctm")
        press(picker, key)
        assert not picker.panel.isVisible()
    assert picker.key() == "points-meanflow"
    assert spy.count() == 0


def test_what_is_not_there_is_said(picker):
    picker.showPopup()
    typed(picker, "zzz")
    assert shown(picker) == []
    assert picker.panel.none.isVisible()
    press(picker, Key.Key_Down, Key.Key_Return)
    assert picker.key() == "points-meanflow"
    picker.panel.search.clear()
    assert not picker.panel.none.isVisible()


def test_each_opening_begins_anew_at_the_chosen_one(picker):
    picker.showPopup()
    typed(picker, "emoji fm")
    press(picker, Key.Key_Return)
    picker.showPopup()
    assert picker.panel.search.text() == ""
    assert pointed(picker) == picker.key() == "emoji-16-fm"
    assert len(shown(picker)) == len(ALL) + len(sections(ALL))


def test_showing_presets_tells_nobody(picker):
    spy = QSignalSpy(picker.currentIndexChanged)
    picker.show_presets(ALL, "points-ctm")
    picker.show_presets(ALL[:3], "")
    assert picker.key() == ""
    assert spy.count() == 0
