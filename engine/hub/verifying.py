"""Checks of a run and of a spec: commands of the command line, each in a process of its own.

They train, at low priority, and write nothing but into a scratch folder.
"""

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable
from pathlib import Path

import msgspec
import tomli_w

from engine.contract.errors import UserError
from engine.contract.messages import (
    CancelCheck,
    CheckProgress,
    Done,
    Tried,
    TryStep,
    Verified,
    VerifyRun,
)
from engine.hub import machine
from engine.hub.child import environment, in_words, last_line
from engine.hub.outbox import Outbox
from engine.hub.workspace import named_run

WORKER = "engine.cli.background"
CANCELLED = "The check was cancelled."
_PRINTED = 1 << 14  # bytes of what a command complained that are looked at


class _Line(msgspec.Struct):
    """A line of a command's answer: how far it is, or what it found."""

    done: int = -1
    total: int = 0
    same: bool | None = None
    message: str = ""
    device: str = ""
    memory: int = 0
    rate: float = 0.0
    seconds: float = 0.0
    checkpoint: int = 0


class Checks:
    """Runs checks one after the other, beside everything else, and ends them with the hub."""

    def __init__(self, workspace: Path, outbox: Outbox) -> None:
        self._workspace, self._outbox = workspace, outbox
        self._turn = asyncio.Lock()
        self._running: dict[int, asyncio.Task[_Line]] = {}

    async def verify(self, request: VerifyRun) -> Verified:
        """Train the newest stretch of a run anew and compare. Raises UserError."""
        folder = named_run(request.run, self._workspace)
        words = ["verify", str(folder.path), "--steps", str(request.steps)]
        found = await self._cancellable(request.id, self._run(request.id, words))
        return Verified(request.id, bool(found.same), found.message)

    async def attempt(self, request: TryStep) -> Tried:
        """Train a few steps of a spec and measure them. Raises UserError."""
        found = await self._cancellable(request.id, self._attempted(request))
        return Tried(
            request.id, found.device, found.memory, found.rate, found.seconds, found.checkpoint
        )

    async def cancel(self, request: CancelCheck) -> Done:
        """Give a check up; one that is over is none."""
        if task := self._running.get(request.check):
            task.cancel()
        return Done(request.id)

    async def stop(self) -> None:
        """End every check that is under way."""
        tasks = [*self._running.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _attempted(self, request: TryStep) -> _Line:
        with tempfile.TemporaryDirectory(prefix="flowmap-spec-") as folder:
            file = Path(folder) / "spec.toml"
            file.write_text(tomli_w.dumps(msgspec.to_builtins(request.spec)), "utf-8")
            threads = str(max(1, machine.cores() - 1))  # as a training would have
            return await self._run(
                request.id, ["train", str(file), "--dry-run", "--threads", threads]
            )

    async def _cancellable(self, id: int, work: Awaitable[_Line]) -> _Line:
        task = asyncio.ensure_future(work)
        self._running[id] = task
        try:
            await asyncio.wait([task])
        finally:
            del self._running[id]
        if task.cancelled():
            raise UserError(CANCELLED)
        return task.result()

    async def _run(self, id: int, words: list[str]) -> _Line:
        """The last line of a command that says what it found."""
        machine.check_torch()
        async with self._turn:
            with (
                tempfile.TemporaryDirectory(prefix="flowmap-check-") as scratch,
                tempfile.TemporaryFile() as complained,
            ):
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", WORKER, *words),
                    *("--workspace", str(self._workspace), "--json"),
                    stdin=PIPE,  # its end tells the command to leave
                    stdout=PIPE,
                    stderr=complained,
                    env=environment(1, {"TMPDIR": scratch}),
                    start_new_session=True,
                )
                try:
                    found = await self._follow(id, process)
                    code = await process.wait()
                finally:
                    await _bury(process)
                if found is None:
                    complained.seek(max(0, complained.seek(0, os.SEEK_END) - _PRINTED))
                    said = complained.read().decode("utf-8", "replace").strip()
                    raise UserError(last_line(said) or f"The check {in_words(code)}.")
                return found

    async def _follow(self, id: int, process: Process) -> _Line | None:
        assert process.stdout is not None
        found = None
        async for line in process.stdout:
            with contextlib.suppress(msgspec.DecodeError):
                said = msgspec.json.decode(line, type=_Line)
                if said.done >= 0:
                    self._outbox.put(CheckProgress(id, said.done, said.total))
                else:
                    found = said
        return found


async def _bury(process: Process) -> None:
    """End a process with all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    if process.stdin is not None:
        process.stdin.close()
    await process.wait()
