"""Ask an inspect worker from a program that has no hub: one process, one request, one answer."""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

from engine.contract import frames, messages
from engine.contract.errors import UserError
from engine.contract.messages import EngineNote, Hello, Message, Refused
from engine.contract.paths import to_text
from engine.hub.child import environment, in_words
from engine.worker.limits import PERIOD, Limits, Watch

WORKER = "engine.worker.inspect"
_PIECE = 1 << 16


def ask_inspector(
    request: Message,
    workspace: Path,
    limits: Limits,
    told: Callable[[str], object] = lambda text: None,
) -> Message:
    """The answer to one request. Raises UserError, also where the file ended its reader."""
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(
            [sys.executable, "-m", WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=printed,
            env=environment(1, {}),
            bufsize=0,
        )
        guard = _Guard(process, limits)
        try:
            _send(process, Hello("flowmap-engine", workspace=to_text(workspace)), request)
            answer = _read(process, guard, told)
        finally:
            guard.end()
    if isinstance(answer, Refused):
        raise UserError(answer.message)
    if answer is None:
        how = guard.wrong or in_words(process.returncode)
        raise UserError(f"{_subject(request)} cannot be opened: the process that read it {how}.")
    return answer


class _Guard:
    """Ends the process that oversteps its limits, and at the end in any case."""

    def __init__(self, process: "subprocess.Popen[bytes]", limits: Limits) -> None:
        self._process, self.watch, self.wrong = process, Watch(process.pid, limits), ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Take the process away."""
        self._over.set()
        self._thread.join()
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.wait()

    def _look(self) -> None:
        while not self._over.wait(PERIOD):
            if wrong := self.watch.wrong():
                self.wrong = wrong
                self._process.kill()
                return


def _send(process: "subprocess.Popen[bytes]", *said: Message) -> None:
    assert process.stdin is not None
    content = b"".join(frames.encode(messages.encode(message)) for message in said)
    try:
        process.stdin.write(content)
        process.stdin.flush()
    except BrokenPipeError:
        pass  # it died at once: the end of its stream tells


def _read(
    process: "subprocess.Popen[bytes]", guard: _Guard, told: Callable[[str], object]
) -> Message | None:
    """Its answer, or None where it ended without one or spoke no words of ours."""
    assert process.stdout is not None
    decoder = frames.Decoder()
    try:
        while piece := _piece(process.stdout):
            for header, _ in decoder.feed(piece):
                guard.watch.renew()
                message = messages.decode(header)
                if not isinstance(message, EngineNote):
                    return message
                told(message.text)
    except (frames.FrameError, messages.MessageError):
        process.kill()
    process.wait()
    return None


def _piece(stream: IO[bytes]) -> bytes:
    return os.read(stream.fileno(), _PIECE)


def _subject(request: Message) -> str:
    return os.path.basename(str(getattr(request, "path", "The file")))
