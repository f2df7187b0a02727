"""A mean that slides over a curve."""

import numpy as np
from numpy.typing import NDArray


def smooth(values: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    """Mean over a centred window of up to a tenth of the rows; NaN neither counts nor spreads.

    `strength` in [0, 1]: 0 leaves the values, 1 takes the widest window. At the start the window is
    narrowed on both sides, so the steep fall there is not bent; at the end it is cut.
    """
    count = len(values)
    half = int(strength**2 * count / 20)
    if half < 1:
        return values
    finite = np.isfinite(values)
    sums = np.concatenate(([0.0], np.cumsum(np.where(finite, values, 0.0))))
    counts = np.concatenate(([0], np.cumsum(finite)))
    at = np.arange(count)
    reach = np.minimum(half, at)
    low, high = at - reach, np.minimum(at + reach, count - 1) + 1
    number = counts[high] - counts[low]
    mean = np.full(count, np.nan)
    np.divide(sums[high] - sums[low], number, out=mean, where=number > 0)
    return mean
