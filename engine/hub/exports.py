"""Exports: commands of the command line, one after the other, each in a process of its own."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np

from engine.contract.errors import UserError
from engine.contract.files import sweep
from engine.contract.messages import CancelExport, Done, Export, Exported, ExportProgress
from engine.hub import machine
from engine.hub.child import environment, in_words, last_line
from engine.hub.outbox import Outbox

WORKER = "engine.cli.background"
COMMANDS = ("film", "map", "jump", "sample")
CANCELLED = "The export was cancelled; nothing was written."
_BAD_INPUT = 2  # exit code of a command that says in one sentence what is wrong
_PRINTED = 1 << 14  # bytes of what a command printed that are looked at
log = logging.getLogger(__name__)


class _Line(msgspec.Struct):
    """What a command says of its progress; another line has neither."""

    done: int = -1
    total: int = 0


class Exports:
    """Runs exports at low priority beside everything else, and ends them with the hub."""

    def __init__(self, workspace: Path, outbox: Outbox) -> None:
        self._workspace, self._outbox = workspace, outbox
        self._turn = asyncio.Lock()
        self._running: dict[int, asyncio.Task[Exported]] = {}

    async def answer(self, request: Export) -> Exported:
        """Run the command. Raises UserError, also where it is cancelled or its process died."""
        if not request.command or request.command[0] not in COMMANDS:
            raise UserError(f"Only {', '.join(COMMANDS)} can be run as an export.")
        if not Path(request.path).is_absolute():
            raise UserError(f"{request.path!r} is no absolute path; choose a file.")
        if len(request.values) % 4:
            raise UserError("The values of a map are float32; this is a part of one.")
        machine.check_torch()
        task = asyncio.create_task(self._run(request))
        self._running[request.id] = task
        try:
            await asyncio.wait([task])
        finally:
            del self._running[request.id]
        if task.cancelled():
            raise UserError(CANCELLED)
        return task.result()

    async def cancel(self, request: CancelExport) -> Done:
        """Give an export up; one that is over is none."""
        if task := self._running.get(request.export):
            task.cancel()
        return Done(request.id)

    async def stop(self) -> None:
        """End every export that is under way."""
        tasks = [*self._running.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _run(self, request: Export) -> Exported:
        path = Path(request.path)
        async with self._turn:
            with (
                tempfile.TemporaryDirectory(prefix="flowmap-export-") as scratch,
                tempfile.TemporaryFile() as printed,
            ):
                process = await self._start(request, scratch, printed)
                try:
                    await self._follow(request, process)
                    code = await process.wait()
                finally:
                    await _bury(process, path)
                if code:
                    raise UserError(_why(path, code, _end_of(printed)))
        return Exported(request.id, request.path, path.stat().st_size)

    async def _start(self, request: Export, scratch: str, printed: BinaryIO) -> Process:
        words = [*request.command, "--out", request.path, "--workspace", str(self._workspace)]
        if request.values:
            known = Path(scratch) / "values.npy"
            np.save(known, np.frombuffer(request.values, "<f4"))
            words += ["--values", str(known)]
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", WORKER, *words, "--json"),
            stdin=PIPE,  # its end tells the command to leave
            stdout=PIPE,
            stderr=printed,
            env=environment(1, {"TMPDIR": scratch}),
            start_new_session=True,
        )

    async def _follow(self, request: Export, process: Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            with contextlib.suppress(msgspec.DecodeError):
                said = msgspec.json.decode(line, type=_Line)
                if said.done >= 0:
                    self._outbox.put(ExportProgress(request.id, said.done, said.total))


async def _bury(process: Process, path: Path) -> None:
    """End a process with all that it started, and take away what it has not finished."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    if process.stdin is not None:
        process.stdin.close()
    await process.wait()
    await asyncio.to_thread(sweep, path, process.pid)


def _end_of(printed: BinaryIO) -> str:
    size = printed.seek(0, os.SEEK_END)
    printed.seek(max(0, size - _PRINTED))
    return printed.read().decode("utf-8", "replace").strip()


def _last_words(printed: str) -> str:
    """The last line with a word in it; a usage error is drawn into a box."""
    lines = [line.strip("\u2502 ") for line in printed.splitlines()]
    spoken = [line for line in lines if any(letter.isalpha() for letter in line)]
    return last_line(spoken[-1]) if spoken else ""


def _why(path: Path, code: int, printed: str) -> str:
    """Why there is no file, in a sentence."""
    if code == _BAD_INPUT and printed:
        return _last_words(printed)
    if printed:
        log.warning("the export of %s printed:\n%s", path, printed)
    words = _last_words(printed)
    return (
        f"Exporting {path.name} failed: the process that made it {in_words(code)}"
        f"{f' ({words})' if words else ''}. Nothing was written."
    )
