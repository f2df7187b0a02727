"""What an update was given that could not be taken, kept to be looked at."""

from collections.abc import Callable

from safetensors.torch import save
from torch import Tensor

from engine.contract.files import write_whole
from engine.runs.folder import FRAME, RunFolder

MOST = 8  # files of a run: the first ones tell the most


def keep_bad(folder: RunFolder, step: int, given: Callable[[], dict[str, Tensor]]) -> str:
    """Write `bad/STEP.safetensors` and return its name; empty where there are enough.

    Raises OSError.
    """
    there = len(list(folder.bad.glob(f"*{FRAME}")))
    if there >= MOST:
        return ""
    name = f"{step:06d}{FRAME}"
    content = save({key: value.contiguous() for key, value in given().items()})
    folder.bad.mkdir(exist_ok=True)
    write_whole(folder.bad / name, content, durable=False)
    return name
