"""first window shown, against a bare QMainWindow in a process of its own, in turn"""

import os
import statistics
import subprocess
import sys
import time

ROUNDS = 9
BARE = """
from PySide6.QtWidgets import QApplication, QMainWindow
app = QApplication([])
class Bare(QMainWindow):
    def paintEvent(self, event):
        app.exit()
window = Bare(); window.resize(1280, 800); window.show(); app.exec()
"""
OURS = """
from studio.start import application, wait_painted
from studio.model.session import Session
from studio.theme.theme import Theme
from studio.view.window import Window
app = application()
session = Session()
theme = Theme("dark"); theme.apply(app)
window = Window(theme, session); window.show(); wait_painted(window)
"""


def main() -> None:
    """Alternate the two, so that a drifting machine slows both."""
    found: dict[str, list[float]] = {BARE: [], OURS: []}
    environment = {"QT_QPA_PLATFORM": "offscreen", **os.environ}
    for round in range(ROUNDS + 1):
        for script in found:
            began = time.perf_counter()
            command = [sys.executable, "-c", script + "\nimport os; os._exit(0)"]
            subprocess.run(command, check=True, env=environment)
            if round:  # the first one fills the disk's cache
                found[script].append(time.perf_counter() - began)
    bare, ours = found[BARE], found[OURS]
    ratios = [b / a for a, b in zip(bare, ours, strict=True)]
    print(f"bare {statistics.median(bare):.3f} s, studio {statistics.median(ours):.3f} s")
    print(f"ratio pair by pair: median {statistics.median(ratios):.2f}, worst {max(ratios):.2f}")
