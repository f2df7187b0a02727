"""Cards beside each other have their titles in one line."""

import pytest
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from studio.view.widgets.card import Card, label

pytestmark = pytest.mark.gui


def test_titles_stand_in_one_line_whatever_is_beside_them(qtbot):
    cards = [Card("One"), Card("Two", label("badge", "badge")), Card("Three", QPushButton("Go"))]
    row = QWidget()
    layout = QHBoxLayout(row)
    for card in cards:
        layout.addWidget(card)
    qtbot.addWidget(row)
    row.show()
    qtbot.waitExposed(row)
    lines = {card.title.geometry().center().y() for card in cards}
    assert len(lines) == 1
