"""Files that the command line writes: whole or not at all, each with where it comes from."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from engine.contract.catalogue import METHODS
from engine.contract.commands import remembered
from engine.contract.errors import UserError
from engine.contract.facts import Facts
from engine.contract.files import whole_file
from engine.contract.source import Source

if TYPE_CHECKING:
    from engine.explore.models import Loaded


def check_out(out: Path, known: Sequence[str]) -> None:
    """Raise UserError where `out` cannot be: before anything is computed for it."""
    if out.suffix not in known:
        raise UserError(f"--out must end in {' or '.join(known)}, not {out.suffix or out.name!r}.")
    if not out.absolute().parent.is_dir():
        raise UserError(f"The folder {out.absolute().parent} is not there; choose another folder.")


def save(out: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write `out` whole; a failure leaves what was there. Raises UserError."""
    try:
        with whole_file(out) as file:
            write(file)
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error.strerror or error}.") from error


def save_bytes(out: Path, content: bytes) -> None:
    """Write `out` whole. Raises UserError."""
    save(out, lambda file: file.write(content))


def save_arrays(out: Path, arrays: Mapping[str, NDArray[Any]], facts: Facts) -> None:
    """Write arrays as .npz or .h5, as float32. Raises UserError."""
    from engine.exchange.arrays import hdf5, npz

    save_bytes(out, (npz if out.suffix == ".npz" else hdf5)(arrays, facts))


def save_array(out: Path, array: NDArray[Any]) -> None:
    """Write one array as .npy. Raises UserError."""
    save(out, lambda file: np.save(file, array))


def facts_of(
    loaded: "Loaded",
    source: Source,
    t: float,
    s: float,
    nfe: int,
    words: Sequence[str],
    out: Path,
    **more: object,
) -> Facts:
    """What a file says of the model and the jump that it shows; `words` make it again."""
    info, names = loaded.info, loaded.info.data.labels
    titles = {method.name: method.title for method in METHODS}
    return Facts(
        info.name,
        titles.get(info.method, info.method),
        info.data.name,
        info.step,
        info.ema,
        t,
        s,
        nfe,
        source.kind,
        source.seed,
        source.count,
        names[source.label] if 0 <= source.label < len(names) else "",
        command=remembered(words, str(out)),
        more={name: value for name, value in more.items() if value is not None},
    )
