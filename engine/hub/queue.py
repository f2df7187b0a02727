"""The queue of a workspace: one file, which every program that changes it writes whole."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from msgspec.structs import replace

from engine.contract.errors import UserError
from engine.contract.files import write_whole
from engine.contract.locking import take
from engine.contract.specs import RunSpec
from engine.runs.errors import RunError, disk_sentence
from engine.runs.folder import RunFolder

FORMAT = 1
MOST = 1000  # runs that may wait
AT_ONCE = 16  # of them trained at once on one device, at most
_PATIENCE = 5.0  # seconds: a change takes milliseconds


class Entry(msgspec.Struct, frozen=True):
    """A run that waits: with the spec as it was when it was queued, or, without one, to go on.

    `changes` are fields, key and value, that it goes on with otherwise. `problem` says why it could
    not begin; it waits then until somebody moves it.
    """

    run: str
    spec: RunSpec | None = None
    added: float = 0.0  # unix time
    problem: str = ""
    changes: tuple[tuple[str, str], ...] = ()


class Plan(msgspec.Struct, frozen=True):
    """What waits, the next first; whether it is held; how many at once on each device."""

    format: int = FORMAT
    held: bool = False
    at_once: int = 1
    entries: tuple[Entry, ...] = ()

    def find(self, run: str) -> Entry:
        """The entry of a run. Raises UserError where it does not wait."""
        for entry in self.entries:
            if entry.run == run:
                return entry
        raise UserError(f"{run!r} does not wait in the queue.")

    def without(self, run: str) -> "Plan":
        """The plan where a run does not wait."""
        return replace(self, entries=tuple(e for e in self.entries if e.run != run))

    def added(self, entry: Entry) -> "Plan":
        """The plan where a run waits too, last. Raises UserError where it does already."""
        if any(e.run == entry.run for e in self.entries):
            raise UserError(f"{entry.run} waits in the queue already; choose another name.")
        if len(self.entries) >= MOST:
            raise UserError(f"At most {MOST} runs can wait; take some out of the queue first.")
        return replace(self, entries=(*self.entries, entry))

    def moved(self, run: str, place: int) -> "Plan":
        """The plan where a run is at `place`, 0: next, and what was wrong with it is forgotten."""
        entry = self.find(run)
        rest = [e for e in self.entries if e.run != run]
        rest.insert(max(0, place), replace(entry, problem=""))
        return replace(self, entries=tuple(rest))

    def with_problem(self, run: str, problem: str) -> "Plan":
        """The plan where it is known why a run could not begin."""
        marked = (replace(e, problem=problem) if e.run == run else e for e in self.entries)
        return replace(self, entries=tuple(marked))

    def set(self, held: bool | None, at_once: int | None) -> "Plan":
        """The plan held or released, or with so many at once. Raises UserError."""
        if at_once is not None and not 1 <= at_once <= AT_ONCE:
            raise UserError(f"Between 1 and {AT_ONCE} runs can be trained at once, not {at_once}.")
        return replace(
            self,
            held=self.held if held is None else held,
            at_once=self.at_once if at_once is None else at_once,
        )


class QueueFile:
    """The file of a workspace. Where it cannot be read it is kept aside, and an empty one begun."""

    def __init__(self, workspace: Path, tell: Callable[[str], None] = lambda text: None) -> None:
        """`tell` takes a sentence on damage."""
        self.path = workspace / "queue.json"
        self._tell = tell

    def stamp(self) -> tuple[int, ...]:
        """Differs where somebody changed the file; empty where there is none."""
        try:
            found = self.path.stat()
        except OSError:
            return ()
        return found.st_mtime_ns, found.st_ino, found.st_size

    def read(self) -> Plan:
        """What waits. Raises UserError where the file may not be read or is of a newer version."""
        try:
            return self._found()
        except _Damaged:  # by the time it is set aside somebody may have begun a good one
            with self._locked():
                return self._found_or_aside()

    def peek(self) -> Plan:
        """What waits as far as it can be read; nothing is set aside, as nobody is told of it."""
        try:
            return self._found()
        except (UserError, _Damaged):
            return Plan()

    def edit(self, change: Callable[[Plan], Plan]) -> Plan:
        """Change what waits while nobody else does. Raises UserError, and then nothing changes."""
        with self._locked():
            before = self._found_or_aside()
            after = change(before)
            if after != before:
                try:
                    write_whole(self.path, msgspec.json.format(msgspec.json.encode(after)))
                except OSError as error:
                    raise RunError(disk_sentence("write", self.path, error)) from error
        return after

    def _found_or_aside(self) -> Plan:
        try:
            return self._found()
        except _Damaged as error:
            return self._aside(str(error))

    def _found(self) -> Plan:
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return Plan()
        except OSError as error:
            raise RunError(disk_sentence("read", self.path, error)) from error
        try:
            if msgspec.json.decode(content, type=_Format).format > FORMAT:
                raise UserError(f"{self.path} is of a newer version of the program; update this.")
            return msgspec.json.decode(content, type=Plan)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _Damaged(str(error)) from error

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        file = self.path.with_name("queue.lock")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
        except OSError as error:
            raise RunError(disk_sentence("write", self.path, error)) from error
        try:
            give_up = time.monotonic() + _PATIENCE
            while not take(handle):
                if time.monotonic() > give_up:
                    raise UserError(f"{self.path} is in use by another program; try again.")
                time.sleep(0.01)
            yield
        finally:
            os.close(handle)

    def _aside(self, why: str) -> Plan:
        number = 1
        while (aside := self.path.with_name(f"queue.bad-{number}.json")).exists():
            number += 1
        try:
            os.replace(self.path, aside)
        except OSError as error:
            raise RunError(disk_sentence("read", self.path, error)) from error
        self._tell(f"The queue was damaged ({why}); it is kept as {aside}, and nothing waits now.")
        return Plan()


class _Damaged(Exception):
    """The file is no queue."""


class _Format(msgspec.Struct):
    format: int = FORMAT


def waiting_spec(run: str, workspace: Path) -> RunSpec | None:
    """The spec of a run that waits and never began; None of any other one."""
    entries = QueueFile(workspace).peek().entries
    return next((entry.spec for entry in entries if entry.run == run), None)


def has_begun(run: RunFolder, spec: RunSpec) -> bool:
    """Whether this very run lies there; another one of its name is not to be gone on with."""
    try:
        found = run.spec()
    except UserError:
        return False
    return replace(found, start="") == replace(spec, start="")  # which names a step now


def waiting(workspace: Path) -> tuple[str, ...]:
    """The names that runs of the queue have taken; none where it cannot be read."""
    return tuple(entry.run for entry in QueueFile(workspace).peek().entries)
