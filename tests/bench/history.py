"""a run of a million rows and ten thousand previews beside a thousand runs, opened and panned"""

import asyncio
import io
import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
from PIL import Image, PngImagePlugin
from PySide6.QtCore import Qt, QTimer

from engine.contract.catalogue import presets
from engine.contract.journal import (
    Columns,
    Ended,
    Sampled,
    Started,
    encode_event,
    encode_rows,
)
from engine.runs.folder import RunFolder
from studio.assembly import Studio
from studio.model.run_model import RunModel
from tests.bench.figures import distribution
from tests.bench.live_studio import until, with_studio

ROWS = 1_000_000
EACH = 64  # rows of a record, as the writer makes them when it is fast
SAMPLES = 10_000
RUNS = 1000
PANS = 200
NAMES = ("step", "loss", "error", "error_diagonal", "error_jump", "gradient_norm", "learning_rate",
         "seconds", "samples_per_second")  # fmt: skip


def make_long(folder: Path) -> None:
    """A run of `ROWS` rows and `SAMPLES` previews."""
    run = RunFolder(folder)
    run.create(presets()["emoji-16-meanflow"].spec)
    every, rng = ROWS // SAMPLES, np.random.default_rng(0)
    picture = _grid(rng)
    with open(run.journal, "wb") as file:
        file.write(encode_event(Started(0, 0.0, "cpu", 1, "bench")) + encode_event(Columns(NAMES)))
        for first in range(0, ROWS, every):
            rows = _rows(rng, first, every)
            file.write(b"".join(encode_rows(rows[k : k + EACH]) for k in range(0, every, EACH)))
            file.write(encode_event(Sampled(first + every, f"{first + every:06}.png")))
        file.write(encode_event(Ended(ROWS, 1.0, "finished")))
    for k in range(1, SAMPLES + 1):
        (run.samples / f"{k * every:06}.png").write_bytes(picture)


def make_short(folder: Path) -> None:
    """A run that has taken a few steps."""
    run = RunFolder(folder)
    run.create(presets()["points-meanflow"].spec)
    rows = _rows(np.random.default_rng(1), 0, 100)
    run.journal.write_bytes(
        encode_event(Started(0, 0.0, "cpu", 1, "bench"))
        + encode_event(Columns(NAMES))
        + encode_rows(rows)
        + encode_event(Ended(100, 1.0, "stopped"))
    )


def _rows(rng: np.random.Generator, first: int, count: int) -> np.ndarray:
    steps = np.arange(first + 1, first + count + 1, dtype=np.float64)
    fall = (1 + steps[:, None] / 1e4) ** -0.4
    noise = np.exp(0.3 * rng.standard_normal((count, len(NAMES))))
    rows = fall * noise
    rows[:, 0], rows[:, 7] = steps, steps / 50
    rows[rng.random(count) < 0.001, 2:5] = np.nan
    return rows


def _grid(rng: np.random.Generator) -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_text("tile", "16x16")
    file = io.BytesIO()
    pixels = rng.integers(0, 256, (8 * 16, 8 * 16, 3), np.uint8)
    Image.fromarray(pixels).save(file, "png", pnginfo=text)
    return file.getvalue()


class Turns:
    """How long the window was kept from its turn: a timer that wants one each millisecond."""

    def __init__(self) -> None:
        self.wall, self.busy = [0.0], [0.0]
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._turn)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch within the block."""
        self.wall, self.busy = [], []
        self._last = time.perf_counter(), time.thread_time()
        self._timer.start(1)
        yield
        self._timer.stop()

    def _turn(self) -> None:
        now = time.perf_counter(), time.thread_time()
        self.wall.append(1e3 * (now[0] - self._last[0]))
        self.busy.append(1e3 * (now[1] - self._last[1]))
        self._last = now

    def told(self) -> str:
        """The longest stretch on the clock, and of this thread's own work."""
        over = sum(b > 10 for b in self.busy)
        return (
            f"longest stretch {max(self.wall):.1f} ms ({max(self.busy):.1f} ms of its own work; "
            f"{over} of {len(self.busy)} over 10 ms)"
        )


def forget_peak() -> None:
    """Measure the peak of memory from here on, where the system can."""
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5")


def peak() -> float:
    """MB that were resident at most."""
    if sys.platform == "linux":
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(s for s in lines if s.startswith("VmHWM")).split()[1]) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def resident() -> float:
    """MB that are resident now."""
    return float(psutil.Process().memory_info().rss / 1e6)


async def opened(studio: Studio, turns: Turns) -> RunModel:
    """Time from the choice of the run to its whole curve on the screen."""
    runs, curves = studio.models.runs, studio.train.curves
    forget_peak()
    before, began = resident(), time.perf_counter()
    with turns.watched():
        run = await runs.open("long")
        await until(lambda: len(run.steps) == ROWS)
        read = time.perf_counter() - began
        await until(lambda: _drawn_to(curves) == ROWS)
        curves.plot.viewport().repaint()
    took = time.perf_counter() - began
    own = sum(turns.busy) / 1e3
    print(f"complete curve after {took:.2f} s (read {read:.2f} s, own work {own:.2f} s)")
    print(f"meanwhile the {turns.told()}")
    print(f"memory: {before:.0f} MB before, {resident():.0f} MB after, peak {peak():.0f} MB")
    return run


def _drawn_to(curves: object) -> float:
    steps, _ = curves.plot._line.getOriginalDataset()  # type: ignore[attr-defined]
    return float(steps[-1]) if steps is not None and len(steps) else 0.0


def panned(studio: Studio, share: float) -> None:
    """Frames while a window of `share` of the run moves over it."""
    plot = studio.train.curves.plot
    view = plot.getViewBox()
    took, worked, points = [], [], 0
    for k in range(PANS):
        left = (ROWS - share * ROWS) * k / PANS
        began, busy = time.perf_counter(), time.thread_time()
        view.setXRange(left, left + share * ROWS, padding=0)
        plot.viewport().repaint()
        took.append(1e3 * (time.perf_counter() - began))
        worked.append(1e3 * (time.thread_time() - busy))
        points = max(points, sum(len(item.getOriginalDataset()[0]) for item in _lines(plot)))
    middle, slow = np.percentile(worked, (50, 95))
    print(f"{f'{share:.2%} in sight':<17} {distribution(took)}")
    print(
        f"{'':<17} own work p50 {middle:.1f}  p95 {slow:.1f} ms; "
        f"at most {points} points over {view.width():.0f} px"
    )


async def scrolled(studio: Studio, turns: Turns) -> None:
    """The strip of ten thousand previews, end to end by its scroll bar."""
    studio.window.resize(1440, 1000)
    strip = studio.train.samples.strip
    bar = strip.horizontalScrollBar()
    began = time.perf_counter()
    with turns.watched():
        for k in range(PANS):
            bar.setValue(bar.maximum() * k // PANS)
            await asyncio.sleep(0.005)
        moved = time.perf_counter() - began
        known = strip.thumbnails
        await until(lambda: all(strip.samples[k].file in known for k in strip.seen()))
    print(
        f"{len(strip.samples):,} previews scrolled in {PANS} moves, {moved:.1f} s; "
        f"{len(known)} thumbnails in memory; {turns.told()}; {resident():.0f} MB"
    )


async def listed(studio: Studio, folder: Path, turns: Turns) -> None:
    """A thousand runs beside it, read by the hub and shown in the list."""
    for k in range(RUNS):
        make_short(folder / f"points-meanflow-{k:04}")
    for title in ("first", "again"):
        began = time.perf_counter()
        with turns.watched():
            await studio.models.runs.refresh()
        took = time.perf_counter() - began
        print(f"{len(studio.models.runs.runs):,} runs listed {title}: {took:.2f} s; {turns.told()}")
    with turns.watched():
        studio.train.head.picker.showPopup()
        await asyncio.sleep(0.2)
        studio.train.head.picker.hidePopup()
    print(f"their list opened: {turns.told()}")


def _lines(plot: object) -> list:
    return [plot._raw_line, plot._line]  # type: ignore[attr-defined]


async def flight(studio: Studio) -> None:
    hello = studio.models.engine.hello
    assert hello is not None
    folder = Path(hello.workspace) / "runs"
    make_long(folder / "long")
    studio.window.show_page("Train")
    await studio.models.runs.refresh()
    await asyncio.sleep(0.5)
    turns = Turns()
    await opened(studio, turns)
    for share in (1.0, 0.3, 0.01, 0.0005):
        panned(studio, share)
    studio.train.curves.log.setChecked(True)
    panned(studio, 0.3)
    await scrolled(studio, turns)
    await listed(studio, folder, turns)
    if shots := os.environ.get("SHOTS"):
        studio.train.curves.plot.fit()
        studio.train.curves.log.setChecked(False)
        await asyncio.sleep(0.3)
        studio.window.grab().save(f"{shots}/history.png")


def main() -> None:
    with_studio(flight)
