"""Names of files may be anything that a file system takes: they are read, kept and said right."""

import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from engine.contract import messages
from engine.contract.files import write_whole
from engine.contract.paths import shown, to_path, to_text
from engine.contract.specs import MLP, Data, MeanFlow, RunSpec
from engine.data.importers import import_data
from engine.data.open import open_data
from engine.hub.workspace import list_runs
from engine.runs.folder import RunFolder

ROOT = Path(__file__).parents[2]
NAMES = {
    "nfc": "caf\u00e9",
    "nfd": unicodedata.normalize("NFD", "caf\u00e9"),
    "spaces": "  two  words ",
    "newline": "two\nlines",
    "quotes": 'it\'s "so" `called` $HOME',
    "emoji": "\U0001f98a\U0001f469\u200d\U0001f680",
    "option": "-rf",
    "star": "*?[a-z]",
    "markup": "<b>[red]x",
    "long": "x" * 250,
    "bytes": os.fsdecode(b"caf\xe9\xff"),
}
each = pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)


def engine(*words: object, workspace: Path, cwd: Path) -> "subprocess.CompletedProcess[bytes]":
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, "-m", "engine.cli", *map(str, words), "--workspace", str(workspace)],
        cwd=cwd,
        capture_output=True,
        check=False,
        env=env,
    )


@each
def test_pictures_in_folders_of_any_name_are_imported(tmp_path: Path, name: str) -> None:
    for place in ("a", name):
        (tmp_path / name / place).mkdir(parents=True)
        Image.new("RGB", (8, 8), (9, 9, 9)).save(tmp_path / "x.png")
        (tmp_path / name / place / f"{name[:200]}.png").write_bytes(
            (tmp_path / "x.png").read_bytes()
        )
    info = import_data(tmp_path / name, "mine", tmp_path / "w", size=8).info
    assert info.count == 2
    assert set(info.labels) == {"a", shown(name)}
    assert info.source == shown(name)
    msgspec.json.encode(info)
    assert len(open_data("mine", tmp_path / "w").all()) == 2


@each
def test_the_command_line_takes_any_name(tmp_path: Path, name: str) -> None:
    """A file in the folder where it is called, as a person would type it."""
    source, workspace = tmp_path / f"{name[:240]}.npy", tmp_path / f"w{name[:200]}"
    np.save(tmp_path / "x.npy", np.arange(20.0).reshape(10, 2))
    source.write_bytes((tmp_path / "x.npy").read_bytes())
    words = ("data", "import", "--json", f"./{source.name}", "mine")
    done = engine(*words, workspace=workspace, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[0])["count"] == 10
    assert len(open_data("mine", workspace).all()) == 10
    done = engine("inspect", "--json", f"./{source.name}", workspace=workspace, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@each
def test_a_run_folder_of_any_name_is_listed_and_sent(tmp_path: Path, name: str) -> None:
    spec = RunSpec(Data("rings"), MeanFlow(), MLP())
    RunFolder(tmp_path / "runs" / name).create(spec)
    RunFolder(tmp_path / "runs" / "plain").create(spec)
    sent = messages.decode(messages.encode(messages.Runs(1, tuple(list_runs(tmp_path)))))
    assert isinstance(sent, messages.Runs)
    assert {info.name for info in sent.runs} == {"plain", shown(name)}
    assert RunFolder(tmp_path / "runs" / name).spec() == spec


@each
def test_an_export_is_written_under_any_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name[:240]}.npz"
    write_whole(path, b"first")
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"
    assert os.listdir(tmp_path) == [path.name]


@each
def test_a_path_goes_over_the_wire_and_comes_back(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    sent = msgspec.json.decode(msgspec.json.encode(to_text(path)))
    assert to_path(sent) == path
    assert os.fsencode(to_path(sent)) == os.fsencode(path)
    shown(path).encode()


@pytest.mark.parametrize("text", ["bytes:zz", "bytes:", "/plain/bytes:ff", "relative"])
def test_what_is_no_path_of_bytes_stays_a_path(text: str) -> None:
    assert str(to_path(text)) in (text, ".")
