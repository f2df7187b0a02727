"""Forward-mode derivatives: torch loads a large part of itself before the first one."""

import importlib
import threading
from functools import lru_cache

from engine.explore.ways import Abandoned, Wanted

_PARTS = ("torch._decomp.decompositions_for_jvp", "torch._dynamo")  # two seconds on a busy core
_LOOK = 0.005  # seconds between two looks at whether something more urgent waits


def derivatives_ready(wanted: Wanted) -> None:
    """Return when the first derivative would cost no more than the next.

    Raises Abandoned when it is not `wanted` any more; the loading goes on beside other answers.
    """
    loading = _loading()
    while loading.is_alive():
        if not wanted():
            raise Abandoned
        loading.join(_LOOK)


@lru_cache(maxsize=1)
def _loading() -> threading.Thread:
    thread = threading.Thread(target=_load, name="derivatives", daemon=True)
    thread.start()
    return thread


def _load() -> None:
    for part in _PARTS:
        importlib.import_module(part)
