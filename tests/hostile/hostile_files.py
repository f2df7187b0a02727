"""Files that are made to hurt whoever opens them; nothing of it lies in the repository."""

import io
import json
import os
import pickle
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch


class Program:
    """What runs a command when a pickle of it is read."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> Any:
        return os.system, (f"touch '{self.canary}'",)


def torch_bytes(value: Any, **options: Any) -> bytes:
    """What `torch.save` writes."""
    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


def programs(canary: Path) -> dict[str, bytes]:
    """Checkpoints that are programs, in every form that torch has had."""
    evil = Program(canary)
    zipped = torch_bytes({"weight": torch.ones(2), "hook": evil})
    return {
        "protocol-0.pkl": pickle.dumps(evil, 0),
        "protocol-2.pkl": pickle.dumps(evil, 2),
        "protocol-4.ckpt": pickle.dumps({"state_dict": evil}, 4),
        "zip.pt": zipped,
        "legacy.pth": torch_bytes({"hook": evil}, _use_new_zipfile_serialization=False),
        "polyglot.pt": pickle.dumps(evil, 2) + zipped,
        "script.pt": archive(
            {
                "m/data.pkl": pickle.dumps(evil, 2),
                "m/constants.pkl": pickle.dumps(evil, 2),
                "m/code/__torch__.py": b"import os",
            }
        ),
    }


def archive(files: dict[str, bytes], packed: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packed) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return file.getvalue()


def repacked(content: bytes) -> bytes:
    """The same archive, compressed: torch never does that."""
    with zipfile.ZipFile(io.BytesIO(content)) as found:
        return archive({n: found.read(n) for n in found.namelist()}, zipfile.ZIP_DEFLATED)


def overlapping(content: bytes, times: int) -> bytes:
    """The same archive, whose largest entry is named `times` times by its directory."""
    with zipfile.ZipFile(io.BytesIO(content)) as found:
        entries = found.infolist()
        largest = max(entries, key=lambda entry: entry.file_size)
        start = found.start_dir
    directory = io.BytesIO()
    with zipfile.ZipFile(directory, "w") as made:  # only its directory is used
        for entry in [*entries, *[largest] * times]:
            made.filelist.append(entry)
        made.start_dir = 0
        made._didModify = True
    tail = bytearray(directory.getvalue())
    struct.pack_into("<I", tail, len(tail) - 6, start)
    return content[:start] + bytes(tail)


def shared_tables(depth: int) -> dict[str, Any]:
    """A table of 2^depth tables that are few."""
    found: dict[str, Any] = {"weight": torch.ones(1)}
    for _ in range(depth):
        found = {"a": found, "b": found}
    return found


# A call that weights may hold, of a size that they may not.
GIANT_BYTES = b"\x80\x02cbuiltins\nbytearray\n\x8a\x06\0\0\0\0\0\x01\x85R."


def safetensors(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file with any header, also text, and any claim of its length."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(shape: list[Any], start: Any, stop: Any, dtype: Any = "F32") -> dict[str, Any]:
    """One tensor as a header describes it."""
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


def hostile_headers() -> dict[str, bytes]:
    """safetensors that claim what they are not."""
    one = tensor([2], 0, 8)
    twice = b'{"a":' + json.dumps(one).encode() + b',"a":' + json.dumps(one).encode() + b"}"
    deep = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    return {
        "empty": b"",
        "no header": struct.pack("<Q", 0),
        "length": safetensors({"a": one}, bytes(8), 1 << 63),
        "length beyond": safetensors({"a": one}, bytes(8), 1000),
        "beyond": safetensors({"a": tensor([4], 0, 16)}, bytes(8)),
        "before": safetensors({"a": tensor([2], -8, 0)}, bytes(8)),
        "shape overflow": safetensors({"a": tensor([1 << 33, 1 << 33], 0, 8)}, bytes(8)),
        "giant zero": safetensors({"a": tensor([0, 1 << 40], 0, 0)}),
        "negative": safetensors({"a": tensor([-1, -2], 0, 8)}, bytes(8)),
        "true": safetensors({"a": tensor([True, 2], 0, 8)}, bytes(8)),
        "half": safetensors({"a": tensor([2.0], 0, 8)}, bytes(8)),
        "overlap": safetensors({"a": one, "b": tensor([2], 4, 12)}, bytes(12)),
        "hole": safetensors({"a": one, "b": tensor([2], 12, 20)}, bytes(20)),
        "tail": safetensors({"a": one}, bytes(64)),
        "twice": safetensors(twice, bytes(8)),
        "deep": safetensors(deep),
        "dtype": safetensors({"a": tensor([2], 0, 8, "F7")}, bytes(8)),
        "list": safetensors([one], bytes(8)),
        "text": safetensors({"a": "b"}),
        "metadata": safetensors({"__metadata__": {"a": 1}, "b": one}, bytes(8)),
        "latin": safetensors(b'{"\xe9":1}'),
        "name": safetensors({"x" * 2000: one}, bytes(8)),
        "pickle": pickle.dumps({"a": 1}),
    }


def png(width: int, height: int, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of one bit a pixel, whatever its rows hold."""
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    made = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in made
    )


def text_bomb(size: int) -> bytes:
    """A PNG of one pixel with `size` bytes of packed text."""
    text = b"Comment\0\0" + zlib.compress(bytes(size), 9)
    return png(1, 1, b"\0\0", (b"zTXt", text))


def hostile_hdf5(folder: Path, secret: Path) -> dict[str, Path]:
    """HDF5 files whose `points` lie elsewhere, are not there, or are no numbers."""
    other = folder / "other.h5"
    with h5py.File(other, "w") as file:
        file["points"] = np.full((5, 2), 7.0)
        file["inner/points"] = np.full((5, 2), 7.0)
    made = {name: folder / f"{name}.h5" for name in _HDF5}
    for name, path in made.items():
        with h5py.File(path, "w") as file:
            _HDF5[name](file, other, secret)
    return made


def _raw(file: h5py.File, other: Path, secret: Path) -> None:
    file.create_dataset("points", (4, 2), "u1", external=[(str(secret), 0, 8)])


def _virtual(file: h5py.File, other: Path, secret: Path) -> None:
    layout = h5py.VirtualLayout((5, 2), "f8")
    layout[:] = h5py.VirtualSource(str(other), "points", (5, 2))
    file.create_virtual_dataset("points", layout)


def _external(file: h5py.File, other: Path, secret: Path) -> None:
    file["points"] = h5py.ExternalLink(str(other), "points")


def _soft(file: h5py.File, other: Path, secret: Path) -> None:
    file["a"] = h5py.ExternalLink(str(other), "points")
    file["b"] = h5py.SoftLink("/a")
    file["points"] = h5py.SoftLink("/b")


def _component(file: h5py.File, other: Path, secret: Path) -> None:
    file["points"] = h5py.ExternalLink(str(other), "inner")


def _filtered(file: h5py.File, other: Path, secret: Path) -> None:
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_chunk((5, 2))
    made.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (1,))
    space = h5py.h5s.create_simple((5, 2))
    h5py.h5d.create(file.id, b"points", h5py.h5t.IEEE_F64LE, space, made)


def _giant(file: h5py.File, other: Path, secret: Path) -> None:
    file.create_dataset("points", (1 << 40, 2), "f8", chunks=(1024, 2))


def _chunk(file: h5py.File, other: Path, secret: Path) -> None:
    file.create_dataset("points", (5, 2), "f8", chunks=(1 << 28, 1), maxshape=(None, 2))


def _objects(file: h5py.File, other: Path, secret: Path) -> None:
    file.create_dataset("points", data=["a", "b"], dtype=h5py.string_dtype())


def _cycle(file: h5py.File, other: Path, secret: Path) -> None:
    group = file.create_group("points")
    group["again"] = group
    group["up"] = file["/"]


_HDF5 = {
    "raw": _raw,
    "virtual": _virtual,
    "external": _external,
    "soft": _soft,
    "component": _component,
    "filtered": _filtered,
    "giant": _giant,
    "chunk": _chunk,
    "objects": _objects,
    "cycle": _cycle,
}
