"""Whether bfloat16 makes the pictures of a model faster and leaves them the same."""

import time
from collections.abc import Callable

from torch import Tensor

from engine.contract.messages import Source
from engine.explore.draws import start
from engine.explore.jumps import jump
from engine.explore.models import Loaded

GAIN = 0.9  # of float32's time: less of a gain is not worth a difference
LEVELS = 1.0  # rms difference of brightness, out of 255, that nobody sees
_TRIES = 3


def bfloat16_helps(loaded: Loaded) -> bool:
    """Measure both on one jump from noise to data; the first calls also warm the model up."""
    if loaded.info.data.kind != "images" or loaded.device.type != "cpu":
        return False
    noise, _, label = start(loaded, Source())

    def picture(fast: bool) -> Tensor:
        return jump(loaded, noise, 1.0, 0.0, 1, label, fast)

    difference = (picture(True) - picture(False)).square().mean().sqrt()
    if float(difference) * 127.5 > LEVELS:
        return False
    return _seconds(lambda: picture(True)) < GAIN * _seconds(lambda: picture(False))


def _seconds(call: Callable[[], Tensor]) -> float:
    """Processor time of the shortest of a few calls: what other processes take counts for none."""
    found = []
    for _ in range(_TRIES):
        began = time.process_time()
        call()
        found.append(time.process_time() - began)
    return min(found)
