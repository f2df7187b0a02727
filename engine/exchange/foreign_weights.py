"""Checkpoints of others, opened without running anything that is in them.

A `.pt`, `.pth`, `.ckpt` or `.pkl` is a pickle, which is a program. torch reads a language of its
own out of it (`weights_only`), which knows tensors and plain tables. What that still lets pass is
refused here: archives that unpack to more than they are, tensors that claim more numbers than
there are, tables that hold themselves.
"""

import pickle
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch
from torch import Tensor, nn

from engine.contract.tensor_file import NAME_CAP, TENSORS
from engine.data.damage import DAMAGE, said
from engine.data.plain_file import open_plain
from engine.exchange.errors import ModelError

ENTRIES = 100_000  # of an archive
VALUES = 200_000  # that are looked at
DEPTH = 6  # of tables in tables
DTYPES = {
    torch.float32: "float32", torch.float64: "float64", torch.float16: "float16",
    torch.bfloat16: "bfloat16", torch.int64: "int64", torch.int32: "int32", torch.int16: "int16",
    torch.int8: "int8", torch.uint8: "uint8", torch.bool: "bool",
}  # fmt: skip


class Value(NamedTuple):
    """One value of a checkpoint by its path; a tensor, or why it is not taken."""

    name: str
    tensor: Tensor | None
    refused: str = ""


def read_checkpoint(path: Path) -> list[Value]:
    """Every value of a checkpoint. Raises OSError, ModelError, MemoryError."""
    with open_plain(path) as file:
        if _is_archive(file):
            _check_archive(path.name, file)
        file.seek(0)
        found = _load(path.name, file)
    return list(_values(path.name, found))


def _is_archive(file: BinaryIO) -> bool:
    try:
        return zipfile.is_zipfile(file)
    except zipfile.BadZipFile:  # one that says it is on several disks
        return True


def _check_archive(name: str, file: BinaryIO) -> None:
    """Raise ModelError for what torch does not write, before any of it is unpacked."""
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except DAMAGE as error:
        raise ModelError(f"{name} is a damaged archive ({said(error)}).") from error
    size = file.seek(0, 2)
    if len(entries) > ENTRIES:
        raise ModelError(f"{name} is no checkpoint: its archive has {len(entries):,} entries.")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise ModelError(
            f"{name} is no checkpoint: its archive is compressed, which torch never does."
        )
    if sum(entry.file_size for entry in entries) > size:
        raise ModelError(f"{name} is no checkpoint: its archive claims more bytes than it has.")
    ends = {entry.filename.partition("/")[2] for entry in entries}
    if "constants.pkl" in ends or any(end.startswith("code/") for end in ends):
        raise ModelError(
            f"{name} is a TorchScript program, not weights; save its state_dict instead."
        )
    if "data.pkl" not in ends:
        raise ModelError(f"{name} is an archive, but no checkpoint of torch.")


def _load(name: str, file: BinaryIO) -> Any:
    try:
        with warnings.catch_warnings():  # of formats that torch does not write any more
            warnings.simplefilter("ignore")
            return torch.load(file, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except pickle.UnpicklingError as error:
        raise ModelError(_why(name, str(error))) from error
    except DAMAGE as error:
        if "enough memory" in str(error):  # torch's own word for it
            raise MemoryError from error
        raise ModelError(f"{name} is no checkpoint that can be read ({said(error)}).") from error


def _why(name: str, text: str) -> str:
    """What torch says of a pickle that is more than weights, in one sentence."""
    _, found, rest = text.partition("GLOBAL ")
    if found or "Unsupported" in text:
        what = rest.partition(" ")[0] or "a program"
        return (
            f"{name} holds more than weights: it wants to run {what[:100]}, which is never done; "
            "ask for it as safetensors, or as a plain state_dict."
        )
    return f"{name} is no checkpoint that can be read ({' '.join(text.split())[:200]})."


def _values(name: str, found: Any) -> Iterator[Value]:
    """Every value in nested tables; each table once, however often it is named."""
    waiting: list[tuple[str, int, Any]] = [("", 0, found)]
    seen: set[int] = set()
    tensors = looked = 0
    while waiting:
        inside, depth, value = waiting.pop()
        looked += 1
        if looked > VALUES or tensors > TENSORS:
            raise ModelError(f"{name} is no checkpoint: it holds more than {VALUES:,} values.")
        if isinstance(value, dict):
            if id(value) in seen or depth > DEPTH:
                yield Value(inside, None, "is a table that was seen before, or lies too deep")
                continue
            seen.add(id(value))
            for key, inner in reversed(value.items()):
                place = f"{inside}.{_key(key)}" if inside else _key(key)
                waiting.append((place, depth + 1, inner))
        elif isinstance(value, Tensor):
            tensors += 1
            refused = problem(inside, value)
            yield Value(inside, None if refused else value.detach(), refused)
        else:
            yield Value(inside, None, f"is no tensor ({type(value).__name__})")


def _key(key: object) -> str:
    if isinstance(key, int):
        return str(key)[:30]
    return key[: NAME_CAP + 1] if isinstance(key, str) else f"<{type(key).__name__}>"


def problem(name: str, tensor: Tensor) -> str:
    """Why a tensor is not taken, as the end of a sentence; "" where it is what it claims."""
    if type(tensor) not in (Tensor, nn.Parameter):
        return f"is a tensor of its own kind ({type(tensor).__name__})"
    if not name or len(name) > NAME_CAP or not name.isprintable():
        return "has a name that cannot be written"
    if tensor.device.type != "cpu" or tensor.layout != torch.strided or tensor.is_quantized:
        return "is no plain tensor"
    if tensor.dtype not in DTYPES:
        return f"holds {tensor.dtype}, which is not taken"
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        return f"claims {tensor.numel():,} numbers and has fewer"
    return ""
