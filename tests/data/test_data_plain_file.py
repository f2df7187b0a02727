"""Only plain files are opened: a pipe would wait for ever, a device might act."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from engine.contract.errors import UserError
from engine.data.importers import import_data
from engine.data.picture import read_picture
from engine.data.plain_file import open_plain
from engine.data.points_file import read_points
from engine.exchange.foreign_weights import read_checkpoint
from engine.exchange.inspection import inspect


class Waited(BaseException):
    """Somebody waits; no reader takes it for damage."""


def _waited(*_: object) -> None:
    raise Waited


@pytest.fixture(autouse=True)
def _alarm() -> Iterator[None]:
    """What waits for a pipe fails after five seconds."""
    before = signal.signal(signal.SIGALRM, _waited)
    signal.alarm(5)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


READERS: dict[str, Callable[[Path], object]] = {
    "x.png": lambda path: read_picture(path, 8),
    "x.npy": read_points,
    "x.npz": read_points,
    "x.csv": read_points,
    "x.h5": read_points,
    "x.pt": read_checkpoint,
    "x.bin": inspect,
}


@pytest.mark.parametrize("name", READERS)
def test_a_pipe_is_never_opened(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / name)
    monkeypatch.setattr("engine.data.plain_file.os.open", lambda *_: pytest.fail("it is opened"))
    with pytest.raises((UserError, OSError), match="plain file"):
        READERS[name](tmp_path / name)


def test_what_becomes_a_pipe_while_it_is_looked_at_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first look saw a plain file; the second is at what was opened."""
    (tmp_path / "plain").write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe")
    seen = os.stat(tmp_path / "plain")
    monkeypatch.setattr("engine.data.plain_file.os.stat", lambda *_, **named: seen)
    with pytest.raises(OSError, match="not a plain file"):
        open_plain(tmp_path / "pipe")


@pytest.mark.parametrize("kind", ["socket", "device", "folder", "loop", "nowhere"])
def test_other_things_are_no_files(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    match kind:
        case "socket":
            with socket.socket(socket.AF_UNIX) as listening:
                listening.bind("x")
        case "device":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
        case "loop":
            path.symlink_to("x")
        case _:
            path.symlink_to("gone")
    with pytest.raises(OSError, match=r"plain file|directory|symbolic|No such file"):
        open_plain(path)


def test_a_plain_file_and_a_link_to_one_are_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"hello")
    (tmp_path / "y").symlink_to("x")
    for name in "xy":
        with open_plain(tmp_path / name) as file:
            assert file.read() == b"hello"


def test_a_folder_full_of_what_is_no_picture_gives_those_that_are(tmp_path: Path) -> None:
    """Vectors, documents, other formats and the leavings of other systems, under any suffix."""
    folder = tmp_path / "in"
    (folder / "deep" / "deeper").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(folder / "good.png")
    content = {
        "svg.png": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "eps.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "pdf.png": b"%PDF-1.7\n",
        "heic.jpg": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        "empty.png": b"",
        "cut.png": (folder / "good.png").read_bytes()[:40],
        "zip.png": b"PK\x03\x04" + bytes(30),
        "xbm.png": b"#define x_width 8\n#define x_height 8\nstatic char x_bits[] = {0};\n",
    }
    for name, data in content.items():
        (folder / name).write_bytes(data)
    for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
        (folder / name).write_bytes(b"\0\0\0\1Bud1")
    os.mkfifo(folder / "pipe.png")
    (folder / "loop").symlink_to(folder)
    (folder / "deep" / "round").symlink_to("../deep")
    info, skipped, _ = import_data(folder, "mine", tmp_path / "w", size=8)
    assert info.count == 1
    said = {line.partition(" ")[0] for line in skipped}
    assert said == {*content, ".DS_Store", "Thumbs.db", "desktop.ini", "pipe.png", "loop",
                    "deep/round"}  # fmt: skip
    assert len(skipped) == len(said)
