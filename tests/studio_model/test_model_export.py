"""Exports by the engine: one after the other, with progress, and given up on request."""

from pathlib import Path

import pytest
from fake_link import FakeLink
from loops import run, settle, until

from engine.contract import messages as m
from studio.model.export_model import ExportModel

FILM = ("film", "points", "--kind", "scrub")


class Told:
    """What the model told."""

    def __init__(self, exports: ExportModel) -> None:
        self.done: list[str] = []
        self.failed: list[str] = []
        exports.done.connect(self.done.append)
        exports.failed.connect(self.failed.append)


def exporting() -> tuple[FakeLink, ExportModel, Told]:
    link = FakeLink(m.Hello("flowmap-hub", workspace="/work space"))
    link.on(m.Export, lambda r: m.Exported(r.id, r.path, 7))
    link.on(m.CancelExport, lambda r: m.Done(r.id))
    exports = ExportModel(link)
    link.open()
    return link, exports, Told(exports)


def test_one_is_made_after_the_other() -> None:
    async def scenario() -> None:
        link, exports, told = exporting()
        assert exports.workspace == "/work space"
        link.hold()
        exports.start(FILM, Path("/a.gif"))
        exports.start(FILM, Path("/b.gif"))
        await settle()
        assert (exports.now, exports.waiting) == (Path("/a.gif"), 1)
        assert [(r.command, r.path) for r in link.of(m.Export)] == [(FILM, "/a.gif")]
        link.release()
        await until(lambda: exports.now is None)
        assert (told.done, told.failed) == (["/a.gif", "/b.gif"], [])
        assert [r.path for r in link.of(m.Export)] == ["/a.gif", "/b.gif"]

    run(scenario())


def test_only_its_own_progress_counts() -> None:
    async def scenario() -> None:
        link, exports, _ = exporting()
        link.hold()
        exports.start(FILM, Path("/a.gif"))
        await settle()
        assert exports.share == -1
        id = link.of(m.Export)[0].id
        link.notice(m.ExportProgress(id, 3, 12))
        assert exports.share == 0.25
        link.notice(m.ExportProgress(id + 1, 9, 12))
        assert exports.share == 0.25
        link.release()
        await until(lambda: exports.now is None)
        assert exports.share == -1

    run(scenario())


@pytest.mark.parametrize("turns", [0, 3])
def test_what_is_given_up_is_no_fault(turns: int) -> None:
    async def scenario() -> None:
        link, exports, told = exporting()
        exports.cancel()  # there is nothing to give up
        link.on(m.Export, lambda r: m.Refused(r.id, "It was cancelled."))
        link.hold()
        exports.start(FILM, Path("/a.gif"))
        if turns:
            await settle(turns)
        exports.cancel()
        exports.cancel()
        assert exports.cancelled
        link.release()
        await until(lambda: exports.now is None)
        assert [r.export for r in link.of(m.CancelExport)] == [link.of(m.Export)[0].id]
        assert (told.done, told.failed, exports.cancelled) == ([], [], False)

    run(scenario())


def test_a_refusal_is_told_and_the_next_one_made() -> None:
    async def scenario() -> None:
        link, exports, told = exporting()
        link.on(
            m.Export,
            lambda r: m.Refused(r.id, "No.") if r.path == "/a.gif" else m.Exported(r.id, r.path, 1),
        )
        exports.start(FILM, Path("/a.gif"))
        exports.start(FILM, Path("/b.gif"))
        await until(lambda: exports.now is None)
        assert (told.done, told.failed) == (["/b.gif"], ["No."])

    run(scenario())


def test_an_engine_that_goes_ends_them_all_with_one_sentence() -> None:
    async def scenario() -> None:
        link, exports, told = exporting()
        link.hold()
        exports.start(FILM, Path("/a.gif"))
        exports.start(FILM, Path("/b.gif"))
        await settle()
        link.die("The engine died.")
        await until(lambda: exports.now is None)
        assert (told.done, told.failed, exports.waiting) == ([], ["The engine died."], 0)

    run(scenario())
