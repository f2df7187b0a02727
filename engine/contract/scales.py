"""The colour scale of maps: viridis, even to the eye and to the colour-blind."""

import numpy as np
from numpy.typing import NDArray

_ANCHORS = (
    "440154", "482475", "414487", "355f8d", "2a788e", "21918c",
    "22a884", "44bf70", "7ad151", "bddf26", "fde725",
)  # fmt: skip


def _table() -> NDArray[np.uint8]:
    anchors = np.array([[*bytes.fromhex(colour)] for colour in _ANCHORS], float)
    places = np.linspace(0, len(anchors) - 1, 256)
    columns = [np.interp(places, np.arange(len(anchors)), column) for column in anchors.T]
    return np.stack(columns, 1).round().astype(np.uint8)


VIRIDIS = _table()
"""256 colours, uint8 [256, 3], from the least to the most."""


def colours(shares: NDArray[np.floating]) -> NDArray[np.uint8]:
    """The colour [..., 3] of each share of the scale; below 0 and above 1 its ends."""
    found: NDArray[np.uint8] = VIRIDIS[(np.clip(shares, 0, 1) * 255).round().astype(int)]
    return found
