"""a frame of 100,000 particles, beside one of none and one of 2,048"""

import os
import time

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QSizeF

from engine.contract.messages import Source
from studio.model.states import States
from studio.start import application
from studio.theme.tokens import DARK
from studio.view.explore.layers import NAMES, layers
from studio.view.explore.plot_drawing import PlotDrawing
from studio.view.widgets.framing import framed
from tests.bench.figures import distribution

FRAMES = 100


def main() -> None:
    """The plot of 620 x 560 pixels as the page has it at 1280 x 800: where they stood and are."""
    application()
    drawn = np.random.default_rng(0)
    for count in (0, 2048, 100_000):
        x_t, x_s = (drawn.normal(size=(count, 2)).astype(np.float32) for _ in range(2))
        states = States(x_t, x_s, 1.0, 0.0, 1, 1.0, False, Source(count=count), 1)
        window = framed(None, drawn.normal(size=(4096, 2)), drawn.normal(size=(4096, 2)))
        drawing, took = PlotDrawing(QSizeF(620, 560), 1.0), []
        for _ in range(FRAMES):
            began = time.perf_counter()
            drawing.draw(layers(states, None, NAMES, DARK), window, DARK)
            took.append(1e3 * (time.perf_counter() - began))
        print(f"{count:>8,} particles  {distribution(took[5:])}", flush=True)
