"""A report shows what it would write, and what it writes tells nobody who wrote it."""

import getpass
import json
import socket
import sys
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest
from msgspec.structs import replace

from engine.contract import messages as m
from engine.contract.journal import Noticed, encode_event
from studio.live import _tell
from studio.model import report as report_file
from studio.view.reporting import default_place

pytestmark = pytest.mark.gui
USER, HOST = "josephine-k", "laptop-of-jo.example.org"


@pytest.fixture
def person(tmp_path, monkeypatch):
    """Somebody with a home, a name and a machine; (home, workspace)."""
    home = tmp_path / "Jo Müller"
    home.mkdir()
    monkeypatch.setattr(Path, "home", lambda: home)
    monkeypatch.setattr(getpass, "getuser", lambda: USER)
    monkeypatch.setattr(socket, "gethostname", lambda: HOST)
    return home, tmp_path / "data of jo" / "work"


def spoken(home, workspace):
    """Lines in which libraries and exceptions name private things, in their ways."""
    paths = [str(home / "x.npz"), str(workspace / "runs" / "a")]
    ways = (str, repr, json.dumps, quote, lambda p: quote(p, safe=""),
            lambda p: json.dumps(json.dumps({"p": p})), lambda p: p.replace("/", "\\"))  # fmt: skip
    lines = [f"cannot read {way(path)}: no" for path in paths for way in ways]
    return "\n".join([*lines, f"{USER}@{HOST}", "teacher of /mnt/nas/Müller/secret.safetensors"])


@pytest.fixture
def reported(training, qtbot, person, tmp_path, monkeypatch):
    """A studio whose every text names private things, with its report open; (stage, dialog)."""
    stage, run = training
    home, workspace = person
    said = spoken(home, workspace)
    for name in ("studio.log", "engine.log"):
        (tmp_path / name).write_text(said)
        stage.studio.reporter._logs[name] = tmp_path / name
    doctor = f"import sys; print({said!r}); print(*sys.argv)"
    monkeypatch.setattr(report_file, "DOCTOR_COMMAND", (sys.executable, "-c", doctor))
    stage.world.link.on(m.ReadLog, lambda r: (m.Chunk(r.id, 0, 0), said.encode()))
    spec = stage.world.specs[run.name]
    stage.world.specs[run.name] = replace(spec, start=str(home / "weights.safetensors"))
    stage.world.journals[run.name] += encode_event(Noticed(500, said))
    stage.world.link.notice(stage.world.progress(run.name))
    stage.models.engine.hello = replace(stage.models.engine.hello, workspace=str(workspace))
    stage.models.engine.note("error", said)
    qtbot.waitUntil(lambda: any(isinstance(e, Noticed) for e in run.events))
    stage.act("help.report").trigger()
    dialog = stage.studio.reporter.dialog
    qtbot.waitUntil(lambda: dialog.names.count() > 0, timeout=20_000)
    yield stage, dialog
    if stage.studio.reporter.dialog is not None:
        dialog.close()


def test_the_zip_is_what_was_shown_and_tells_nobody(reported, person, tmp_path, qtbot):
    stage, dialog = reported
    names = [dialog.names.item(k).text().split()[0] for k in range(dialog.names.count())]
    shown = {}
    for k, name in enumerate(names):
        dialog.names.setCurrentRow(k)
        shown[name] = dialog.text.toPlainText()
    place = tmp_path / "out" / "report.zip"
    place.parent.mkdir()
    dialog.place.setText(str(place))
    dialog.save.click()
    assert "was written" in stage.notices()["report"]
    with zipfile.ZipFile(place) as archive:
        written = {name: archive.read(name).decode() for name in archive.namelist()}
    assert {name: text.rstrip("\n") for name, text in written.items()} == {
        name: text.rstrip("\n") for name, text in shown.items()
    }
    assert set(written) >= {"about.txt", "versions.txt", "doctor.txt", "notes.txt", "run/log.txt",
                            "run/spec.toml", "run/events.jsonl", "run/state.json",
                            "logs/studio.log", "logs/engine.log"}  # fmt: skip
    home, workspace = person
    secrets = {str(home), str(workspace), USER, HOST, HOST.partition(".")[0], home.name, "/mnt/nas"}
    ways = (str, lambda s: json.dumps(s)[1:-1], lambda s: json.dumps(json.dumps(s)), quote,
            lambda s: quote(s, safe=""), lambda s: s.replace("/", "\\"))  # fmt: skip
    for name, text in written.items():
        for secret in secrets:
            for way in ways:
                assert way(secret).casefold() not in text.casefold(), (name, way(secret))
    assert "<home>" in written["logs/studio.log"]
    assert "<workspace>" in written["run/events.jsonl"]


def test_nothing_is_written_unless_a_person_agrees(reported, tmp_path, qtbot):
    stage, dialog = reported
    place = tmp_path / "never.zip"
    dialog.place.setText(str(place))
    dialog.cancel.click()
    assert not place.exists()
    assert stage.studio.reporter.dialog is None
    assert "report" not in stage.notices()


def test_a_place_that_cannot_be_written_is_said(reported, tmp_path):
    stage, dialog = reported
    dialog.place.setText(str(tmp_path / "no folder" / "report.zip"))
    dialog.save.click()
    assert "choose another folder" in stage.notices()["report"]


def test_the_place_is_a_new_file(tmp_path, monkeypatch):
    monkeypatch.setattr("studio.view.reporting.QStandardPaths.writableLocation",
                        lambda kind: str(tmp_path))  # fmt: skip
    first = default_place()
    first.write_bytes(b"")
    assert default_place() != first
    assert default_place().parent == tmp_path


def test_a_fault_becomes_one_notice_that_leads_to_a_report(stage, qtbot):
    opened = []
    for _ in range(3):
        _tell(stage.models, stage.window, "Something went wrong.", lambda: opened.append(True))
    assert stage.notices()["fault"] == "Something went wrong."
    notice = stage.window.notices._shown["fault"]
    assert [button.text() for button in notice.buttons] == ["Report"]
    notice.buttons[0].click()
    assert opened == [True]
    assert "fault" not in stage.notices()


def test_without_an_engine_there_is_a_report_too(closed_stage, qtbot, monkeypatch):
    monkeypatch.setattr(report_file, "DOCTOR_COMMAND", ("/none/such",))
    closed_stage.studio.reporter.open()
    dialog = closed_stage.studio.reporter.dialog
    qtbot.waitUntil(lambda: dialog.names.count() > 0)
    assert "could not be started" in dialog._report.files["doctor.txt"]
    closed_stage.studio.reporter.open()
    assert closed_stage.studio.reporter.dialog is dialog
    dialog.close()
