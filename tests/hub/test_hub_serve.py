"""The hub greets, answers each request once, refuses in a sentence, and ends with its stream."""

import asyncio
import struct
from functools import partial

import msgspec
import pytest
from hub_support import hub_here, points_spec

from engine.contract import frames, messages
from engine.contract.catalogue import METHODS, POINT_SETS
from engine.contract.messages import (
    Catalogue,
    Control,
    ControlRun,
    Done,
    EngineNote,
    GetCatalogue,
    GetRuns,
    Hello,
    ImportData,
    Jumped,
    OpenModel,
    ReadJournal,
    ReadSample,
    ReadSpec,
    Refused,
    ResumeRun,
    Runs,
    StartRun,
)
from engine.contract.version import PROTOCOL, VERSION
from engine.hub import files, machine


def told(studio):
    return [notice for notice in studio.notices if not isinstance(notice, Hello)]


def test_the_hub_greets_first(workspace):
    async def check():
        async with hub_here(workspace, greet=False) as studio:
            hello = await studio.notice(lambda m: True)
            assert hello == studio.notices[0]
            assert isinstance(hello, Hello)
            assert (hello.protocol, hello.version) == (PROTOCOL, VERSION)
            assert hello.workspace == str(workspace)
            assert hello.cores >= 1
            assert hello.torch == machine.torch_version()

    asyncio.run(check())


def test_catalogue_and_runs_of_an_empty_workspace(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            found = await studio.get(GetCatalogue)
            assert isinstance(found, Catalogue)
            assert found.methods == METHODS
            assert {info.name for info in POINT_SETS} <= {info.name for info in found.data}
            assert found.presets
            assert await studio.get(GetRuns) == Runs(2, ())

    asyncio.run(check())
    assert not workspace.exists()  # asking writes nothing


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (Hello("old", protocol=PROTOCOL + 1, version="9.9"), ("9.9", VERSION)),
        (GetRuns(1), ("greeting",)),
    ],
)
def test_a_studio_of_another_kind_is_turned_away_in_a_sentence(workspace, first, words):
    async def check():
        async with hub_here(workspace, greet=False) as studio:
            studio.send(first)
            await asyncio.wait_for(studio.ended.wait(), 20)
            (note,) = told(studio)
            assert note.level == "error"
            assert all(word in note.text for word in words)

    asyncio.run(check())


def test_a_broken_stream_is_closed_with_a_sentence(workspace):
    async def check():
        async with hub_here(workspace) as studio:
            await studio.get(GetRuns)
            studio.send_bytes(struct.pack("<II", 2**32 - 1, 0))
            await asyncio.wait_for(studio.ended.wait(), 20)
            (note,) = told(studio)
            assert isinstance(note, EngineNote)
            assert "header of 4294967295 bytes" in note.text

    asyncio.run(check())


@pytest.mark.parametrize(
    ("header", "id"),
    [
        (b'{"type":"dance","id":5}', 5),
        (b'{"type":"getruns","id":5,"id":6}', 6),
        (b'{"type":"readspec","id":7}', 7),
        (b'{"id":8}', 8),
        (b'{"type":"don\xc8","id":9}', 9),
        (b"[" * 5000, -1),
        (b"nonsense", -1),
        (messages.encode(Control("stop")), -1),
        (messages.encode(Jumped(11, 1.0, 0.0, 1, 0.0, ())), 11),
        (messages.encode(Done(12)), 12),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_request_is_refused_and_not_fatal(workspace, header, id):
    async def check():
        async with hub_here(workspace) as studio:
            studio.send_bytes(frames.encode(header))
            answer = await studio.notice(lambda m: isinstance(m, Refused | Runs))
            assert answer.id == id
            assert isinstance(answer, Refused) or header.startswith(b'{"type":"getruns"')
            assert isinstance(await studio.get(GetRuns), Runs)

    asyncio.run(check())


PATHS = ["../other", "a/b", "/etc", "..", ".", "", "a\\b", "a\x00b", "x" * 300, "-rf", "run@5"]


@pytest.mark.parametrize("name", PATHS, ids=repr)
def test_no_name_of_a_run_leads_out_of_the_workspace(workspace, name):
    (workspace / "runs").mkdir(parents=True)
    (workspace / "other").mkdir()
    (workspace / "other" / "spec.toml").write_text("")
    (workspace / "other" / "journal").write_text("secret")

    async def check():
        async with hub_here(workspace) as studio:
            for build in (
                lambda id: ReadJournal(id, name, 0),
                lambda id: ReadSample(id, name, "000001.png"),
                lambda id: ReadSpec(id, name),
                lambda id: ResumeRun(id, name),
                lambda id: ControlRun(id, name, "stop"),
            ):
                assert "run" in await studio.refusal(build)
            if name:
                assert "run" in await studio.refusal(lambda id: StartRun(id, points_spec(), name))

    asyncio.run(check())


@pytest.fixture
def run(workspace):
    """A run on disk with a journal and a preview."""
    folder = workspace / "runs" / "one"
    (folder / "samples").mkdir(parents=True)
    spec = msgspec.toml.encode(points_spec())
    (folder / "spec.toml").write_bytes(spec)
    (folder / "journal").write_bytes(bytes(range(256)) * 6000)
    (folder / "samples" / "000020.png").write_bytes(b"png")
    (folder / "secret.png").write_bytes(b"secret")
    (folder / "samples" / "link.png").symlink_to(folder / "secret.png")
    return folder


FILES = ["../secret.png", "link.png", "/etc/passwd", "", ".png", "000020.txt", "a/b.png", "no.png"]


@pytest.mark.parametrize("file", FILES, ids=repr)
def test_no_name_of_a_preview_leads_out_of_its_folder(workspace, run, file):
    async def check():
        async with hub_here(workspace) as studio:
            assert "preview" in await studio.refusal(lambda id: ReadSample(id, "one", file))

    asyncio.run(check())


def test_a_run_on_disk_is_read(workspace, run):
    journal = (run / "journal").read_bytes()

    async def check():
        async with hub_here(workspace) as studio:
            assert [info.name for info in (await studio.get(GetRuns)).runs] == ["one"]
            assert (await studio.get(lambda id: ReadSpec(id, "one"))).spec == points_spec()
            chunk, payload = await studio.ask(lambda id: ReadSample(id, "one", "000020.png"))
            assert (payload, chunk.end, chunk.size) == (b"png", 3, 3)
            read = b""
            while True:
                offset = len(read)
                chunk, payload = await studio.ask(partial(ReadJournal, run="one", offset=offset))
                assert len(payload) <= files.PIECE
                assert chunk.size == len(journal)
                read += payload
                assert chunk.end == len(read)
                if not payload:
                    break
            assert read == journal
            chunk, payload = await studio.ask(lambda id: ReadJournal(id, "one", 10**9))
            assert (chunk.end, payload) == (len(journal), b"")
            assert "byte -1" in await studio.refusal(lambda id: ReadJournal(id, "one", -1))

    asyncio.run(check())


def test_a_run_without_a_journal_yet_has_an_empty_one(workspace, run):
    (run / "journal").unlink()

    async def check():
        async with hub_here(workspace) as studio:
            chunk, payload = await studio.ask(lambda id: ReadJournal(id, "one", 0))
            assert (chunk.end, chunk.size, payload) == (0, 0, b"")

    asyncio.run(check())


def test_a_damaged_run_hides_no_other_and_is_refused_in_a_sentence(workspace, run):
    (workspace / "runs" / "bad").mkdir()
    (workspace / "runs" / "bad" / "spec.toml").write_text("not toml [")

    async def check():
        async with hub_here(workspace) as studio:
            runs = {info.name: info for info in (await studio.get(GetRuns)).runs}
            assert set(runs) == {"one", "bad"}
            assert "TOML" in runs["bad"].message
            assert "TOML" in await studio.refusal(lambda id: ReadSpec(id, "bad"))

    asyncio.run(check())


def test_an_unreadable_file_is_one_sentence(workspace, run):
    (run / "journal").unlink()
    (run / "journal").mkdir()

    async def check():
        async with hub_here(workspace) as studio:
            assert "journal" in await studio.refusal(lambda id: ReadJournal(id, "one", 0))

    asyncio.run(check())


def test_a_fault_of_the_hub_is_a_refusal_and_it_lives_on(workspace, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("boom")

    monkeypatch.setattr("engine.hub.files.catalogue", broken)

    async def check():
        async with hub_here(workspace) as studio:
            assert "boom" in await studio.refusal(GetCatalogue)
            assert await studio.get(GetRuns)

    asyncio.run(check())
    assert "GetCatalogue" in caplog.text


def test_without_torch_the_hub_serves_and_says_how_to_get_it(workspace, run, monkeypatch):
    monkeypatch.setattr(machine, "torch_version", lambda: "")

    async def check():
        async with hub_here(workspace) as studio:
            assert (await studio.notice(lambda m: isinstance(m, Hello))).torch == ""
            for build in (
                lambda id: StartRun(id, points_spec()),
                lambda id: ResumeRun(id, "one"),
                lambda id: OpenModel(id, "one"),
            ):
                assert 'pip install "flowmap-studio[engine]"' in await studio.refusal(build)
            assert (await studio.get(GetRuns)).runs

    asyncio.run(check())


def test_points_are_imported_beside_everything_else(workspace, tmp_path):
    good, bad = tmp_path / "points.csv", tmp_path / "bad.csv"
    good.write_text("\n".join(f"{k},{k * k}" for k in range(200)))
    bad.write_text("x,y\nno,numbers\n")

    async def check():
        async with hub_here(workspace) as studio:
            asked = asyncio.create_task(studio.get(lambda id: ImportData(id, str(good), "mine")))
            assert await studio.get(GetRuns)
            imported = await asked
            assert (imported.data.name, imported.data.count) == ("mine", 200)
            names = [info.name for info in (await studio.get(GetCatalogue)).data]
            assert "mine" in names
            assert "bad" in await studio.refusal(lambda id: ImportData(id, str(bad), "other"))
            gone = str(tmp_path / "gone")
            assert "gone" in await studio.refusal(lambda id: ImportData(id, gone, "third"))
            assert "mine" in await studio.refusal(lambda id: ImportData(id, str(good), "mine"))

    asyncio.run(check())


def test_an_import_that_kills_its_reader_is_one_sentence(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr("engine.hub.imports.WORKER", "engine.worker.no_such_module")

    async def check():
        async with hub_here(workspace) as studio:
            text = await studio.refusal(lambda id: ImportData(id, str(tmp_path), "mine"))
            assert "exit code 1" in text
            assert "Nothing was changed" in text

    asyncio.run(check())
