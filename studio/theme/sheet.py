"""The style sheet, from the tokens.

A widget says what it is by the dynamic property `role`: card, title, muted, small, value, primary,
quiet, inline, chip, segment, danger, rail, bar, note.
"""

from studio.theme.icons import picture
from studio.theme.tokens import Tokens, faded, mix

SHEET = """
* {{ outline: 0; }}
QMainWindow, QDialog {{ background: {background}; }}
QToolTip {{ background: {panel}; color: {text}; border: 1px solid {line}; padding: 6px 8px;
  border-radius: 6px; }}
QLabel {{ background: transparent; }}

[role="card"] {{ background: {card}; border: 1px solid {line}; border-radius: 10px; }}
[role="panel"] {{ background: {panel}; }}
[role="bar"] {{ background: {panel}; border: 0; border-bottom: 1px solid {line}; }}
[role="rail"] {{ background: {panel}; border: 0; border-right: 1px solid {line}; }}
QFrame[role="popup"] {{ background: {panel}; border: 1px solid {line}; }}
[role="note"] {{ background: {hover}; border: 1px solid {line}; border-radius: 8px; }}
[role="line"] {{ background: {line}; border: 0; max-height: 1px; min-height: 1px; }}
QLabel[role="title"] {{ font-weight: 600; }}
QLabel[role="heading"] {{ font-size: 17px; font-weight: 600; }}
QLabel[role="muted"] {{ color: {muted}; }}
QLabel[role="small"] {{ color: {muted}; font-size: 11px; }}
QLabel[role="value"] {{ font-size: 19px; font-weight: 600; }}
QLabel[role="error"] {{ color: {bad}; font-size: 11px; }}
QLabel[role="badge"] {{ color: {muted}; background: {field}; border: 1px solid {line};
  border-radius: 11px; padding: 3px 10px; font-size: 12px; }}

QPushButton, QToolButton {{ background: {field}; color: {text}; border: 1px solid {line};
  border-radius: 8px; padding: 6px 12px; }}
QToolButton {{ padding: 6px; }}
QPushButton:hover, QToolButton:hover {{ background: {hover}; }}
QPushButton:pressed, QToolButton:pressed {{ background: {line}; }}
QPushButton:focus, QToolButton:focus {{ border-color: {accent}; }}
QPushButton:disabled, QToolButton:disabled {{ color: {faded}; background: transparent; }}
QPushButton::menu-indicator, QToolButton::menu-indicator {{ image: none; width: 0; }}
QPushButton[role="primary"] {{ background: {accent}; color: {on_accent}; border-color: {accent};
  font-weight: 600; padding: 8px 14px; }}
QPushButton[role="primary"]:hover {{ background: {bright}; border-color: {bright}; }}
QPushButton[role="primary"]:focus {{ border-color: {text}; }}
QPushButton[role="primary"]:disabled {{ background: {hover}; color: {faded};
  border-color: {line}; }}
QPushButton[role="quiet"], QToolButton[role="quiet"] {{ background: transparent;
  border-color: transparent; color: {muted}; }}
QPushButton[role="quiet"]:hover, QToolButton[role="quiet"]:hover {{ background: {hover};
  color: {text}; }}
QPushButton[role="quiet"]:focus, QToolButton[role="quiet"]:focus {{ border-color: {accent}; }}
QPushButton[role="quiet"]:disabled, QToolButton[role="quiet"]:disabled {{ color: {faded}; }}
QToolButton[role="inline"] {{ background: transparent; border-color: transparent; padding: 0;
  border-radius: 6px; }}
QToolButton[role="inline"]:hover {{ background: {hover}; }}
QPushButton[role="chip"], QToolButton[role="chip"] {{ border-radius: 13px; padding: 4px 12px;
  min-height: 16px; color: {muted}; }}
QPushButton[role="chip"]:hover, QToolButton[role="chip"]:hover {{ color: {text}; }}
QPushButton[role="chip"]:checked, QToolButton[role="chip"]:checked {{ background: {accent};
  border-color: {accent}; color: {on_accent}; font-weight: 600; }}
QPushButton[role="chip"]:checked:focus, QToolButton[role="chip"]:checked:focus {{
  border-color: {text}; }}
QFrame[role="chip"] {{ background: {card}; border: 1px solid {line}; border-radius: 8px; }}
QToolButton[role="rail-item"] {{ background: transparent; border: 1px solid transparent;
  border-radius: 8px; color: {muted}; font-size: 11px; font-weight: 500; padding: 7px 2px; }}
QToolButton[role="rail-item"]:hover {{ background: {hover}; color: {text}; }}
QToolButton[role="rail-item"]:checked {{ background: {soft}; color: {text}; }}
QToolButton[role="rail-item"]:focus {{ border-color: {accent}; }}

QLineEdit, QAbstractSpinBox, QComboBox, QPlainTextEdit {{ background: {field}; color: {text};
  border: 1px solid {line}; border-radius: 8px; padding: 5px 10px; min-height: 18px;
  selection-background-color: {accent}; selection-color: {on_accent}; }}
QLineEdit {{ padding: 5px 7px; }}
QAbstractSpinBox {{ padding: 5px 4px; }}
QLineEdit:hover, QAbstractSpinBox:hover, QComboBox:hover {{ border-color: {strong}; }}
QLineEdit:focus, QAbstractSpinBox:focus, QComboBox:focus, QPlainTextEdit:focus {{
  border-color: {accent}; }}
QLineEdit:disabled, QAbstractSpinBox:disabled, QComboBox:disabled {{ color: {faded};
  background: transparent; }}
[invalid="true"], [invalid="true"]:focus, [invalid="true"]:hover {{ border-color: {bad}; }}
QAbstractSpinBox QLineEdit {{ border: 0; padding: 0; background: transparent; min-height: 0; }}
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ background: transparent; border: 0;
  width: 20px; subcontrol-origin: border; }}
QAbstractSpinBox::up-button {{ subcontrol-position: top right; margin: 3px 3px 0 0; }}
QAbstractSpinBox::down-button {{ subcontrol-position: bottom right; margin: 0 3px 3px 0; }}
QAbstractSpinBox::up-arrow {{ image: url("{up}"); width: 10px; height: 10px; }}
QAbstractSpinBox::down-arrow {{ image: url("{down}"); width: 10px; height: 10px; }}
QComboBox {{ combobox-popup: 0; }}
QComboBoxPrivateContainer {{ background: {panel}; border: 0; }}
QComboBox::drop-down {{ border: 0; width: 26px; }}
QComboBox::down-arrow {{ image: url("{down}"); width: 14px; height: 14px; }}
QComboBox QAbstractItemView, [role="popup"] QListView {{ background: {panel}; color: {text};
  border: 1px solid {line}; padding: 4px; selection-background-color: {soft};
  selection-color: {text}; }}
QComboBox QAbstractItemView::item, [role="popup"] QListView::item {{ min-height: 28px;
  padding: 0 6px; border-radius: 5px; }}
QComboBox QAbstractItemView::item:selected, [role="popup"] QListView::item:selected {{
  background: {soft}; color: {text}; }}
[role="popup"] QListView {{ border: 0; padding: 0; }}

QCheckBox, QRadioButton {{ spacing: 8px; background: transparent; }}
QCheckBox::indicator {{ width: 16px; height: 16px; border: 1px solid {strong}; border-radius: 5px;
  background: {field}; }}
QCheckBox::indicator:hover {{ border-color: {accent}; }}
QCheckBox::indicator:checked {{ background: {accent}; border-color: {accent};
  image: url("{check}"); }}
QCheckBox:focus {{ color: {accent}; }}
QCheckBox:disabled {{ color: {faded}; }}

QSlider::groove:horizontal {{ height: 4px; border-radius: 2px; background: {line}; }}
QSlider::sub-page:horizontal {{ height: 4px; border-radius: 2px; background: {accent}; }}
QSlider::sub-page:horizontal:disabled {{ background: {line}; }}
QSlider::handle:horizontal {{ width: 14px; height: 14px; margin: -6px 0; border-radius: 8px;
  background: {accent}; border: 1px solid {card}; }}
QSlider::handle:horizontal:hover {{ background: {bright}; }}
QSlider::handle:horizontal:focus {{ border: 1px solid {text}; }}
QSlider::handle:horizontal:disabled {{ background: {faded}; }}

QScrollArea, QAbstractScrollArea {{ background: transparent; border: 0; }}
QScrollArea > QWidget > QWidget {{ background: transparent; }}
QPlainTextEdit {{ background: {field}; border: 1px solid {line}; }}
[role="list"] {{ color: {text}; selection-background-color: {soft}; selection-color: {text}; }}
[role="list"]::item {{ min-height: 26px; padding: 0 6px; border-radius: 5px; }}
[role="list"]::item:selected {{ background: {soft}; color: {text}; }}
[role="list"]::item:hover:!selected {{ background: {hover}; }}
QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
QScrollBar::handle {{ background: {line}; border-radius: 3px; margin: 2px; min-height: 28px;
  min-width: 28px; }}
QScrollBar::handle:hover {{ background: {strong}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}

QMenuBar {{ background: {panel}; color: {muted}; border-bottom: 1px solid {line};
  padding: 2px 6px; }}
QMenuBar::item {{ background: transparent; padding: 4px 9px; border-radius: 6px; }}
QMenuBar::item:selected {{ background: {hover}; color: {text}; }}
QMenu {{ background: {panel}; color: {text}; border: 1px solid {line}; border-radius: 8px;
  padding: 5px; }}
QMenu::item {{ padding: 6px 26px 6px 12px; border-radius: 5px; }}
QMenu::icon {{ padding-left: 8px; }}
QMenu::item:selected {{ background: {soft}; }}
QMenu::item:disabled {{ color: {faded}; background: transparent; }}
QMenu::separator {{ height: 1px; background: {line}; margin: 5px 8px; }}
QMenu::indicator {{ width: 14px; height: 14px; left: 7px; }}
QMenu::indicator:checked {{ image: url("{tick}"); }}
QStatusBar {{ background: {panel}; border-top: 1px solid {line}; color: {muted}; }}
QStatusBar::item {{ border: 0; }}
QStatusBar QLabel {{ color: {muted}; font-size: 12px; }}
QSplitter::handle {{ background: transparent; }}
QProgressBar {{ background: {line}; border: 0; border-radius: 2px; max-height: 4px; }}
QProgressBar::chunk {{ background: {accent}; border-radius: 2px; }}
QDockWidget {{ color: {text}; }}
"""


def style_sheet(tokens: Tokens) -> str:
    """The sheet in the tokens' colours."""
    return SHEET.format(
        **{k: v for k, v in vars(tokens).items() if isinstance(v, str)},
        faded=faded(tokens),
        strong=mix(tokens.line, tokens.muted, 0.45),
        bright=mix(tokens.accent, "#ffffff", 0.15),
        up=picture("chevron-up", tokens.muted),
        down=picture("chevron-down", tokens.muted),
        check=picture("check", tokens.on_accent),
        tick=picture("check", tokens.accent),
    )
