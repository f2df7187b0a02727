"""Numbers and states in a person's words."""

import math

from studio.model.standing import ACTIVE

__all__ = ["ACTIVE", "STATES", "amount", "count", "duration", "memory", "plural"]

STATES = {
    "queued": "waiting",
    "starting": "starting",
    "running": "training",
    "silent": "standing still",
    "paused": "paused",
    "stopping": "stopping",
    "finished": "finished",
    "stopped": "stopped",
    "failed": "failed",
}


def count(value: float) -> str:
    """1,234 · 25.6 k · 1.2 M: three figures are enough."""
    for scale, unit in ((1e9, " G"), (1e6, " M"), (1e4, " k")):
        if value >= scale:
            return f"{value / (1e3 if unit == ' k' else scale):.3g}{unit}"
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def amount(value: float) -> str:
    """Four significant figures of a metric, `–` where there is none."""
    if not math.isfinite(value):
        return "–"
    return f"{value:.4g}" if value == 0 or 1e-4 <= abs(value) < 1e5 else f"{value:.3e}"


def duration(seconds: float) -> str:
    """8 s · 4 min 10 s · 2 h 5 min; negative: not known yet."""
    if seconds < 0 or not math.isfinite(seconds):
        return "estimating"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole < 600 else f"{round(whole / 60)} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def memory(size: int) -> str:
    """412 MB · 1.2 GB."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def size(count: int) -> str:
    """620 B · 4 kB · 1.2 MB: of a file."""
    if count < 1e6:
        return f"{count} B" if count < 1000 else f"{count / 1e3:.0f} kB"
    return memory(count)


def plural(number: int, one: str, many: str = "") -> str:
    """`1 core`, `2 cores`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
