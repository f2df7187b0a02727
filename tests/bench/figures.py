"""How a bench prints a distribution."""

from collections.abc import Sequence


def distribution(values: Sequence[float], unit: str = "ms") -> str:
    """Count, median, p95 and worst, in one line."""
    ordered = sorted(values)

    def share(p: float) -> float:
        return ordered[min(len(ordered) - 1, int(p * len(ordered)))]

    return (
        f"n {len(ordered)}  p50 {share(0.5):.1f}  p95 {share(0.95):.1f}  "
        f"p99 {share(0.99):.1f}  max {ordered[-1]:.1f} {unit}"
    )
