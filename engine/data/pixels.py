"""Between pictures as they are learned and pictures as they are shown."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


def to_pixels(pictures: Tensor) -> NDArray[np.uint8]:
    """[n, c, h, w] in [-1, 1], clipped and rounded, as uint8 [n, h, w, c]."""
    bright = ((pictures.clamp(-1, 1) + 1) * 127.5).round().byte()
    return np.ascontiguousarray(bright.permute(0, 2, 3, 1).cpu().numpy())
