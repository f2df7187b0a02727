"""What a foreign file holds, told by its content and not by its name.

Meant for the inspect worker (`engine.worker.inspect`): the checks keep what is hostile from acting,
the worker's limits keep what is merely huge from hurting.
"""

import importlib
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from numpy.typing import NDArray

from engine.contract.errors import UserError
from engine.contract.files import write_whole
from engine.contract.messages import Held
from engine.contract.paths import shown
from engine.contract.tensor_file import read_tensor_header
from engine.data.damage import DAMAGE, said
from engine.data.plain_file import open_plain

SHOWN = 2000  # things that are told of; a message has an upper size
LINE = 200  # characters of a name that are told
BYTE_CAP = 16 << 30  # of one array; the worker's memory is less
_NO_WAY = "nothing of it can be written as safetensors"


class Inspection(NamedTuple):
    """What a file is and holds; how many of that were written elsewhere, where it was asked."""

    kind: str
    held: list[Held]
    note: str = ""
    wrote: int = 0

    def shown(self) -> Iterator[Held]:
        """The first of it, what is refused before the rest, short enough to be sent."""
        for held in sorted(self.held, key=lambda held: not held.refused)[:SHOWN]:
            name = "".join(c if c.isprintable() else "\ufffd" for c in shown(held.name))
            yield Held(name[:LINE], held.shape[:16], held.dtype[:40], held.refused[:LINE])


def kind_of(path: Path) -> str:
    """What a file or folder is by its first bytes. Raises UserError where it is none."""
    try:
        if path.is_dir():
            return "folder"
        with open_plain(path) as file:
            head = file.read(16)
            if zipfile.is_zipfile(file):
                return _archive_kind(path)
    except OSError as error:
        raise UserError(f"{shown(path)} cannot be read: {error.strerror or error}.") from error
    except zipfile.BadZipFile:
        return "damaged archive"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= path.stat().st_size:
        return "safetensors"
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    return "WebP picture" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else "unknown"


_STARTS = (
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"\x93NUMPY", "NumPy array"),
    (b"\x89PNG", "PNG picture"),
    (b"\xff\xd8\xff", "JPEG picture"),
    (b"GIF8", "GIF picture"),
    (b"BM", "BMP picture"),
    (b"II*\0", "TIFF picture"),
    (b"MM\0*", "TIFF picture"),
    (b"\x1f\x8b", "gzip"),
    (b"\x80", "pickle"),  # protocols from 2 on
)


def _archive_kind(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [entry.filename for entry in archive.infolist()[:1000]]
    except DAMAGE:
        return "damaged archive"
    if any(name.endswith("data.pkl") for name in names):
        return "torch checkpoint"
    return "NumPy archive" if names and all(n.endswith(".npy") for n in names) else "archive"


def prepare(path: Path) -> None:
    """Load what reads such a file, before the limits count what it takes. Raises UserError."""
    kind = kind_of(path)
    importlib.import_module("safetensors.numpy")
    if kind in ("torch checkpoint", "pickle"):
        importlib.import_module("engine.exchange.foreign_weights")
        importlib.import_module("safetensors.torch")
    elif kind.endswith("picture"):
        importlib.import_module("engine.data.picture").warm()
    else:
        importlib.import_module("engine.data.hdf5")


def inspect(path: Path, out: Path | None = None) -> Inspection:
    """What the file at `path` holds; what can be taken of it is written to `out`.

    Raises UserError, one sentence, and MemoryError where it is more than there is.
    """
    kind = kind_of(path)
    look = _LOOKS.get(kind.rpartition(" ")[2] if kind.endswith("picture") else kind)
    if look is None:
        raise UserError(_unknown(path, kind))
    if out is not None and out.suffix != ".safetensors":
        raise UserError(f"What is taken of a file is written as .safetensors, not {out.name}.")
    try:
        return look(path, kind, out)
    except (UserError, MemoryError):
        raise
    except DAMAGE as error:
        raise UserError(f"{shown(path.name)} is a damaged {kind} ({said(error)}).") from error


def _unknown(path: Path, kind: str) -> str:
    name = shown(path.name)
    if kind == "folder" and (path / ".metadata").exists():
        return (
            f"{name} is a distributed checkpoint of torch: its .metadata is a program and is never "
            "run; save it as one file, best as safetensors."
        )
    if kind == "folder":
        return f"{name} is a folder; import its pictures with `flowmap-engine data import`."
    if kind == "gzip":
        return f"{name} is compressed; unpack it first."
    return f"{name} is no file that can be looked into ({kind}); it was not opened further."


def _safetensors(path: Path, kind: str, out: Path | None) -> Inspection:
    with open_plain(path) as file:
        header = read_tensor_header(shown(path.name), file)
        if out is not None:
            _write_bytes(out, _without_metadata(file))
    held = [Held(name, found.shape, found.dtype) for name, found in header.tensors.items()]
    note = f"Its metadata names: {', '.join(sorted(header.metadata))}." if header.metadata else ""
    return Inspection(kind, held, note[:LINE], len(held) if out else 0)


def _without_metadata(file: BinaryIO) -> bytes:
    """A file of safetensors that was checked, but for what it says of itself.

    Copied and not decoded: numpy knows no bfloat16.
    """
    file.seek(0)
    header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    header.pop("__metadata__", None)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + file.read()


def _checkpoint(path: Path, kind: str, out: Path | None) -> Inspection:
    from safetensors.torch import save

    from engine.exchange.foreign_weights import DTYPES, read_checkpoint

    values = read_checkpoint(path)
    held = [
        Held(value.name, tuple(value.tensor.shape), DTYPES[value.tensor.dtype])
        if value.tensor is not None
        else Held(value.name, refused=value.refused)
        for value in values
    ]
    taken = {value.name: value.tensor for value in values if value.tensor is not None}
    if out is None:
        return Inspection(kind, held)
    _check_size(path, sum(tensor.numel() * tensor.element_size() for tensor in taken.values()))
    whole = {name: tensor.contiguous().clone() for name, tensor in taken.items()}
    return Inspection(kind, held, wrote=_save(out, whole, save))


def _hdf5(path: Path, kind: str, out: Path | None) -> Inspection:
    from engine.data import hdf5

    with hdf5.open_hdf5(path) as file:
        found = list(hdf5.walk(file, BYTE_CAP))
        held = [
            Held(f.name, tuple(f.dataset.shape), str(f.dataset.dtype))
            if f.dataset is not None
            else Held(f.name, refused=f.refused)
            for f in found
        ]
        if out is None:
            return Inspection(kind, held)
        numbers = [f for f in found if f.dataset is not None and f.dataset.dtype.kind in "biuf"]
        _check_size(path, sum(f.dataset.nbytes for f in numbers if f.dataset is not None), 1000)
        arrays = {f.name: hdf5.read(f.dataset) for f in numbers if f.dataset is not None}
    return Inspection(kind, held, wrote=_write(out, arrays, path))


def _numpy(path: Path, kind: str, out: Path | None) -> Inspection:
    from engine.data.npy import read_npy

    with open_plain(path) as file:
        array = read_npy(file, path.stat().st_size, BYTE_CAP)
    held = [Held("array", array.shape, str(array.dtype))]
    return Inspection(kind, held, wrote=_write(out, {"array": array}, path) if out else 0)


def _npz(path: Path, kind: str, out: Path | None) -> Inspection:
    from engine.data.npy import read_npy

    arrays: dict[str, NDArray[Any]] = {}
    held = []
    with open_plain(path) as file, zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            name = entry.filename.removesuffix(".npy")
            try:
                with archive.open(entry) as stream:
                    arrays[name] = read_npy(stream, entry.file_size, BYTE_CAP)
            except DAMAGE as error:
                if isinstance(error, MemoryError):
                    raise
                held.append(Held(name, refused=said(error)))
                continue
            held.append(Held(name, arrays[name].shape, str(arrays[name].dtype)))
            if out is None:
                del arrays[name]  # looked at, not kept
    return Inspection(kind, held, wrote=_write(out, arrays, path) if out else 0)


def _archive(path: Path, kind: str, out: Path | None) -> Inspection:
    if out is not None:
        raise UserError(f"{shown(path.name)} is an archive of files; {_NO_WAY}.")
    with open_plain(path) as file, zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
    packed = path.stat().st_size
    size = sum(entry.file_size for entry in entries)
    held = [Held(entry.filename, (entry.file_size,), "bytes", _bad(entry)) for entry in entries]
    bomb = size > 100 * packed + (1 << 20)
    note = f"It unpacks to {size:,} bytes, {size // max(1, packed):,} times its own size."
    return Inspection(kind, held, note if bomb else "")


def _bad(entry: zipfile.ZipInfo) -> str:
    name = entry.filename
    if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or ":" in name:
        return "lies outside the archive's own folder"
    return "is encrypted" if entry.flag_bits & 1 else ""


def _picture(path: Path, kind: str, out: Path | None) -> Inspection:
    from engine.data.picture import read_square

    if out is not None:
        raise UserError(f"{shown(path.name)} is a picture; {_NO_WAY}.")
    notes: list[str] = []
    try:
        pixels = read_square(path, 4096, notes.append)
    except UserError as error:  # half a sentence
        raise UserError(f"{shown(path.name)} {error}.") from error
    note = "; ".join(["Its middle square, upright, on white", *notes]) + "."
    return Inspection(kind, [Held("pixels", pixels.shape, str(pixels.dtype))], note)


def _write(out: Path, arrays: Mapping[str, NDArray[Any]], path: Path) -> int:
    """Write arrays of numpy."""
    import numpy as np
    from safetensors.numpy import save

    native = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    native = {name: a.astype(a.dtype.newbyteorder("=")) for name, a in native.items()}
    return _save(out, native, save)


def _save(out: Path, taken: Mapping[str, Any], save: Callable[[Any], bytes]) -> int:
    _write_bytes(out, save(dict(taken)))
    return len(taken)


def _write_bytes(out: Path, content: bytes) -> None:
    try:
        write_whole(out, content)
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error.strerror or error}.") from error


def _check_size(path: Path, size: int, times: int = 4) -> None:
    """Raise UserError where a file unpacks to far more than it is."""
    if size > times * path.stat().st_size + (1 << 20):
        raise UserError(
            f"{shown(path.name)} unpacks to {size:,} bytes, far more than it has; not written."
        )


_LOOKS: dict[str, Callable[[Path, str, Path | None], Inspection]] = {
    "safetensors": _safetensors,
    "torch checkpoint": _checkpoint,
    "pickle": _checkpoint,
    "HDF5": _hdf5,
    "NumPy array": _numpy,
    "NumPy archive": _npz,
    "archive": _archive,
    "picture": _picture,
}
