"""What is fuzzed: valid samples, what reads them, and the errors that it may raise."""

import functools
import io
import itertools
import json
import os
import random
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import msgspec
import numpy as np
import tomli_w
import torch
from PIL import Image
from safetensors.torch import save

from engine.contract import arrays, frames, journal, messages
from engine.contract.catalogue import DataSet, presets
from engine.contract.errors import UserError
from engine.contract.history import History
from engine.contract.spec_file import spec_of
from engine.contract.specs import MLP, Data, MeanFlow, RunSpec, Training, problems
from engine.data.errors import DataError
from engine.data.pack import file_hash, read_pack, write_pack
from engine.data.picture import read_picture
from engine.data.points_file import read_points
from engine.exchange.inspection import inspect
from engine.exchange.model_file import load_model_file, save_model
from engine.networks.build import network_of
from engine.runs.checkpoint import Checkpoint, seal, verify
from engine.runs.folder import RunFolder

Pieces = Callable[[random.Random, bytes], list[bytes]]


@dataclass(frozen=True)
class Target:
    """`attack` reads one input; what it raises beside `allowed` is a fault.

    A `contained` one is read by the inspect worker alone: an input that takes the process with it,
    inside a compiled library, is counted and kept, but is what that worker is there for.
    """

    name: str
    samples: Callable[[], list[bytes]]
    attack: Callable[[bytes, random.Random], object]
    allowed: tuple[type[BaseException], ...] = (UserError,)
    contained: bool = False


def pieces(content: bytes, random_of: random.Random) -> list[bytes]:
    """The same bytes as they might arrive."""
    cuts = sorted(random_of.randrange(len(content) + 1) for _ in range(random_of.randrange(4)))
    ends = [0, *cuts, len(content)]
    return [content[a:b] for a, b in itertools.pairwise(ends)]


# What arrives on streams.


def _messages() -> list[bytes]:
    spec = next(iter(presets().values())).spec
    made: list[messages.Message] = [
        messages.Hello("fuzz", workspace="/tmp"),
        messages.StartRun(1, spec, "name"),
        messages.Jump(2, "m", messages.Source("noise", 0, 4), 1.0, 0.5),
        messages.ImportData(3, "/a/b", "c"),
        messages.Inspected(4, "HDF5", 1, (messages.Held("a", (2, 3), "float32"),)),
        messages.Refused(5, "no"),
    ]
    return [messages.encode(message) for message in made]


def _frames() -> list[bytes]:
    made = [frames.encode(header, b"payload" * k) for k, header in enumerate(_messages())]
    return [*made, b"".join(made)]


def _attack_frames(content: bytes, random_of: random.Random) -> None:
    decoder = frames.Decoder()
    total = 0
    for piece in pieces(content, random_of):
        for header, payload in decoder.feed(piece):
            total += len(header) + len(payload)
            _attack_message(header, random_of)
    assert total <= len(content)


def _attack_message(content: bytes, random_of: random.Random) -> None:
    try:
        messages.decode(content)
    except messages.MessageError:
        return


def _described() -> list[bytes]:
    named = {"a": np.zeros((2, 3), np.float32), "b": np.arange(4)}
    described, payload = arrays.pack(named)
    head = msgspec.json.encode(described)
    return [len(head).to_bytes(2, "little") + head + payload]


def _attack_arrays(content: bytes, random_of: random.Random) -> None:
    end = 2 + int.from_bytes(content[:2], "little")
    try:
        described = msgspec.json.decode(content[2:end], type=tuple[arrays.Array, ...])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    for array in arrays.unpack(described, content[end:]).values():
        assert array.nbytes <= len(content)


def _journals() -> list[bytes]:
    names = ("step", "loss", "rate")
    rows = np.column_stack([np.arange(1.0, 9.0), np.full(8, 0.5), np.full(8, np.nan)])
    records = [
        journal.encode_event(journal.Columns(names)),
        journal.encode_event(journal.Started(0, 1.0, "cpu", 1, "1")),
        journal.encode_rows(rows),
        journal.encode_event(journal.Sealed(4)),
        journal.encode_event(journal.Sampled(4, "000004.png")),
        journal.encode_event(journal.Columns((*names, "more"))),
        journal.encode_rows(np.column_stack([rows[:, 0] + 8, rows, rows[:, :0]])[:, :4]),
        journal.encode_event(journal.Started(6, 2.0, "cpu", 1, "1")),
        journal.encode_rows(np.column_stack([rows[:, 0] + 6, rows])[:, :4]),
        journal.encode_event(journal.Ended(14, 3.0, "finished")),
    ]
    return [b"".join(records), b"".join(records[:3])]


def _attack_journal(content: bytes, random_of: random.Random) -> None:
    """Whatever the bytes, a history is read: no error at all is allowed."""
    history = History()
    for piece in pieces(content, random_of):
        history.feed(piece)
    assert history.received == len(content)
    assert len(history.samples) <= len(content)
    _ = history.last_step, history.ended, history.steps


def _whole_records(content: bytes, random_of: random.Random) -> None:
    """Records whose checksums hold, whatever they say."""
    kinds = (journal._EVENT, journal._METRICS)
    records = [journal._record(kinds[k % 2], content[k::7]) for k in range(7)]
    head = journal.encode_event(journal.Columns(("step", "loss")))
    _attack_journal(head + b"".join(records), random_of)


def _events() -> list[bytes]:
    made: list[journal.Event] = [
        journal.Columns(("step", "loss")),
        journal.Columns(("loss", "loss", "step")),
        journal.Columns(("step", "a", "b", "c")),
        journal.Started(5, 1.0, "cpu", 1, "1"),
        journal.Sampled(-3, "a.png"),
        journal.Ended(1 << 62, 3.0, "failed", "why"),
    ]
    return [msgspec.json.encode(event) for event in made]


def _attack_event(content: bytes, random_of: random.Random) -> None:
    """One event with a good checksum between good rows."""
    rows = journal.encode_rows(np.array([[1.0, 0.5], [2.0, 0.5]]))
    head = journal.encode_event(journal.Columns(("step", "loss")))
    event = journal._record(journal._EVENT, content)
    _attack_journal(head + rows + event + rows, random_of)


def _row_values() -> list[bytes]:
    values = [[1.0, 2.0], [3.0, np.inf], [2.0**70, -0.0], [-1e300, np.nan], [np.nan, 1.0]]
    return [np.array(values).tobytes(), np.array(values[2:]).tobytes()]


def _attack_rows(content: bytes, random_of: random.Random) -> None:
    head = journal.encode_event(journal.Columns(("step", "loss")))
    _attack_journal(head + journal._record(journal._METRICS, content[: len(content) & ~15]),
                    random_of)  # fmt: skip


# What lies in a run's folder.

SPEC = RunSpec(Data("rings"), MeanFlow(), MLP(8, 1), training=Training(steps=200, warmup=10))
POINTS = DataSet("rings", "Rings", "points", (2,))


@functools.cache
def scratch() -> Path:
    """A folder of this process, in memory where there is one."""
    return Path(tempfile.mkdtemp(prefix=f"fuzz-{os.getpid()}-", dir=_roof()))


def _roof() -> Path:
    memory = Path("/dev/shm")
    return memory if memory.is_dir() else Path(tempfile.gettempdir())


def sweep(process: int) -> None:
    """Take away the folder of a process that has gone."""
    for left in _roof().glob(f"fuzz-{process}-*"):
        shutil.rmtree(left, ignore_errors=True)


def _file(content: bytes, name: str) -> Path:
    path = scratch() / name
    path.write_bytes(content)
    return path


def _specs() -> list[bytes]:
    found = [preset.spec for preset in presets().values()]
    return [tomli_w.dumps(msgspec.to_builtins(spec)).encode() for spec in found[::3]]


def _attack_spec(content: bytes, random_of: random.Random) -> None:
    for kind in ("", "points", "images"):
        problems(spec_of(content, "spec.toml"), kind)


@functools.cache
def _sealed() -> Path:
    folder = RunFolder(scratch() / "run")
    folder.create(SPEC)
    state = network_of(SPEC, (2,), 0).state_dict()
    return seal(folder, 5, {"model": state}, {"step": 5, "streams": [1, 2]})


def _manifests() -> list[bytes]:
    return [(_sealed() / "manifest.json").read_bytes()]


def _attack_manifest(content: bytes, random_of: random.Random) -> None:
    (_sealed() / "manifest.json").write_bytes(content)
    if not verify(_sealed()):
        Checkpoint(5, _sealed()).files()


def _states() -> list[bytes]:
    return [(_sealed() / "state.json").read_bytes(), json.dumps({"a": [1.5, None] * 9}).encode()]


def _attack_state(content: bytes, random_of: random.Random) -> None:
    """Of a checkpoint: a changed one does not verify, and is then never read."""
    (_sealed() / "state.json").write_bytes(content)
    if not verify(_sealed()):
        Checkpoint(5, _sealed()).state()


def _tensor_files() -> list[bytes]:
    made = {"a": torch.randn(3, 2), "b": torch.ones(4, dtype=torch.bfloat16)}
    return [save(made, {"flowmap": "x"}), save({"c": torch.zeros(0, 3)})]


def _attack_tensors(content: bytes, random_of: random.Random) -> None:
    folder = scratch()
    _file(content, "ema.safetensors")
    found = Checkpoint(0, folder).tensors("ema")
    assert sum(tensor.nbytes for tensor in found.values()) <= len(content)


def _model_files() -> list[bytes]:
    path = scratch() / "model.safetensors"
    save_model(path, network_of(SPEC, (2,), 0).state_dict(), SPEC, POINTS, 5, 0.9)
    return [path.read_bytes()]


def _attack_model(content: bytes, random_of: random.Random) -> None:
    load_model_file(_file(content, "model.safetensors"))


# What is imported.


def _written(suffix: str, write: Callable[[Path], object]) -> bytes:
    path = scratch() / f"sample{suffix}"
    write(path)
    return path.read_bytes()


DOTS = np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32)


def _point_files(suffix: str) -> list[bytes]:
    match suffix:
        case ".npy":
            by_column = _written(".npy", lambda p: np.save(p, np.asfortranarray(DOTS)))
            return [_written(".npy", lambda p: np.save(p, DOTS)), by_column]
        case ".npz":
            packed = _written(".npz", lambda p: np.savez_compressed(p, points=DOTS))
            return [packed, _written(".npz", lambda p: np.savez(p, DOTS))]
        case ".h5":
            return [
                _written(".h5", _h5),
                _written(".h5", lambda p: write_pack(p, {"points": DOTS})),
            ]
        case _:
            return [b"x,y\n" + b"".join(b"%.3f,%.3f\n" % (x, y) for x, y in DOTS), b"1 2\n3 4\n"]


def _h5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("points", data=DOTS, chunks=(4, 2), compression="gzip")
        file.create_group("more")["x"] = np.arange(3)


def _points(suffix: str) -> Target:
    def attack(content: bytes, random_of: random.Random) -> None:
        found = read_points(_file(content, f"points{suffix}"))
        assert found.shape[1] == 2
        assert np.isfinite(found).all()

    return Target(f"points {suffix}", lambda: _point_files(suffix), attack, (DataError,), True)


def _pictures(format: str) -> Target:
    def samples() -> list[bytes]:
        pixels = np.random.default_rng(0).integers(0, 256, (12, 12, 3), np.uint8)
        colour = Image.fromarray(pixels)
        made = []
        for picture in (colour, colour.convert("L"), colour.convert("P")):
            file = io.BytesIO()
            shown = picture.convert("RGB") if format in ("WEBP", "JPEG") else picture
            shown.save(file, format)
            made.append(file.getvalue())
        return made

    def attack(content: bytes, random_of: random.Random) -> None:
        found = read_picture(_file(content, "picture"), 8)
        assert found.shape == (8, 8, 3)

    return Target(f"picture {format}", samples, attack, (DataError,), True)


def _packs() -> list[bytes]:
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8)
    named = {"images": images, "labels": np.arange(4), "names": np.array([b"a", b"bc"] * 2)}
    return [_written(".h5", lambda p: write_pack(p, named, source="x"))]


@functools.cache
def _sealed_as() -> str:
    return file_hash(_file(_packs()[0], "sealed.h5"))


def _attack_pack(content: bytes, random_of: random.Random) -> None:
    """As an imported data set is opened: its hash is known."""
    read_pack(_file(content, "data.h5"), "import it again", _sealed_as())


def _attack_unsealed(content: bytes, random_of: random.Random) -> None:
    read_pack(_file(content, "data.h5"), "import it again")


def _foreign() -> list[bytes]:
    state = {"state_dict": {"w": torch.randn(3, 4), "b": torch.zeros(2)}, "epoch": 3}
    made = []
    for options in ({}, {"_use_new_zipfile_serialization": False}):
        file = io.BytesIO()
        torch.save(state, file, **options)
        made.append(file.getvalue())
    return made


def _archives() -> list[bytes]:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/x.txt", "hello" * 50)
        archive.writestr("points.npy", _point_files(".npy")[0])
    return [file.getvalue(), *_point_files(".npz")]


def _attack_inspect(content: bytes, random_of: random.Random) -> None:
    found = inspect(_file(content, "foreign"))
    for held in found.shown():
        msgspec.json.encode(held)


def _any_file() -> list[bytes]:
    found = [*_tensor_files(), *_point_files(".npy"), *_point_files(".h5"), *_archives()]
    return [*found, *_pictures("PNG").samples(), *_foreign()]


LARGE: tuple[type[BaseException], ...] = (UserError, MemoryError)  # the worker has limits
TARGETS = (
    Target("frames", _frames, _attack_frames, (frames.FrameError,)),
    Target("messages", _messages, _attack_message, ()),
    Target("arrays", _described, _attack_arrays, (frames.FrameError,)),
    Target("journal", _journals, _attack_journal, ()),
    Target("journal records", _journals, _whole_records, ()),
    Target("journal events", _events, _attack_event, ()),
    Target("journal rows", _row_values, _attack_rows, ()),
    Target("spec", _specs, _attack_spec),
    Target("manifest", _manifests, _attack_manifest),
    Target("state", _states, _attack_state),
    Target("tensors", _tensor_files, _attack_tensors),
    Target("model file", _model_files, _attack_model),
    *(_points(suffix) for suffix in (".csv", ".npy", ".npz", ".h5")),
    *(_pictures(format) for format in ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")),
    Target("pack", _packs, _attack_pack, (DataError,)),
    Target("unsealed pack", _packs, _attack_unsealed, (DataError,), True),
    Target("foreign checkpoint", _foreign, _attack_inspect, LARGE, True),
    Target("foreign archive", _archives, _attack_inspect, LARGE, True),
    Target("foreign file", _any_file, _attack_inspect, LARGE, True),
)


def named() -> dict[str, Any]:
    """Every target by its name."""
    return {target.name: target for target in TARGETS}
