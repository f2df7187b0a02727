"""The explore worker: `python -m engine.worker.explore` answers jumps and paths over stdio.

Of jumps, chords, paths, fields, true flows, opened steps, maps and measures only the newest that
waits is answered; an older one is refused as `superseded`. They go before each other in this order,
and what is under way is given up for what goes before it. Models are opened, and samples looked at,
in the order in which that was asked.
"""

import os
import queue
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from engine.contract.errors import UserError
from engine.contract.messages import (
    SUPERSEDED,
    Chord,
    Fields,
    Follow,
    Hello,
    Jump,
    Look,
    Map,
    Measure,
    Message,
    OpenModel,
    OpenStep,
    PictureFields,
    Pixels,
    Refused,
    Request,
    Threads,
    Trace,
)
from engine.contract.paths import to_path
from engine.data.errors import DataError
from engine.worker.process import (
    EXIT_NO_TORCH,
    Channel,
    Received,
    settle,
    take_stdio,
    torch_version,
)
from engine.worker.room import Room, go_first

if TYPE_CHECKING:
    from engine.explore.answers import Answers

NICENESS = 5
ORDER: tuple[type[Request], ...] = (
    Jump, Chord, Trace, Pixels, Fields, PictureFields, Follow, OpenStep, Map, Measure
)  # fmt: skip


class Inbox:
    """What waits: models and samples to look at in order, at most one question of each kind."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._models: list[OpenModel | Look] = []
        self._newest: dict[type[Request], Request] = {}
        self._doing: type[Request] | None = None
        self.workspace = Path()
        self.threads = 1
        self.ended = False

    def next(self) -> Request | None:
        """The next request, waited for; None when the stream has ended."""
        while True:
            self.look()
            if self.ended:
                return None
            if self._models:
                return self._models.pop(0)
            for kind in ORDER:
                if kind in self._newest:
                    self._doing = kind
                    return self._newest.pop(kind)
            self._take(self._channel.receive())

    def look(self) -> bool:
        """Sort what has come; True while nothing waits that goes before what is being done."""
        try:
            while not self.ended:
                self._take(self._channel.receive(0))
        except queue.Empty:
            pass
        first = next((kind for kind in ORDER if kind == self._doing or kind in self._newest), None)
        replaced = self._doing in self._newest
        return not (self.ended or self._models or first != self._doing or replaced)

    def _take(self, received: Received | None) -> None:
        match received and received.message:
            case None:
                self.ended = True
            case Hello(workspace=folder):
                self.workspace = to_path(folder)
            case Threads(count):
                self.threads = count
            case (OpenModel() | Look()) as request:
                self._models.append(request)
            case Request() as request if type(request) in ORDER:
                if older := self._newest.pop(type(request), None):
                    self._channel.send(Refused(older.id, SUPERSEDED))
                self._newest[type(request)] = request
            case Request(id=id) as request:
                text = f"{type(request).__name__} is nothing that the explorer answers."
                self._channel.send(Refused(id, text))


def main() -> int:
    """Answer until the stream ends; returns the exit code."""
    channel = take_stdio()  # requests gather from here on, while torch is being loaded
    settle(NICENESS)
    go_first()
    try:
        version = torch_version()
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_NO_TORCH
    channel.send(Hello("flowmap-explore", pid=os.getpid(), torch=version))
    _serve(channel)
    return 0


def _serve(channel: Channel) -> None:
    import torch

    from engine.explore.answers import Answers

    inbox = Inbox(channel)
    answers, room = Answers(inbox.look), Room(torch.cuda.is_available())
    while (request := inbox.next()) is not None:
        answers.workspace = inbox.workspace
        if inbox.threads != torch.get_num_threads():
            torch.set_num_threads(inbox.threads)
        room.renew()
        channel.send(*_refusing(answers, request))


def _refusing(answers: "Answers", request: Request) -> tuple[Message, bytes]:
    """The answer, or one sentence about whatever went wrong: the worker lives on."""
    from engine.explore.ways import Abandoned

    try:
        return answers.answer(request)
    except Abandoned:
        return Refused(request.id, SUPERSEDED), b""
    except (UserError, DataError) as error:
        return Refused(request.id, str(error)), b""
    except Exception as error:  # noqa: BLE001  a process border: the studio must learn of it
        if _is_memory(error):
            _let_go()
            text = "Memory ran out; ask for fewer samples or close another model."
            return Refused(request.id, text), b""
        traceback.print_exc()
        return Refused(request.id, f"The explorer met a fault of its own: {error!r}."), b""


def _is_memory(error: Exception) -> bool:
    """Whether memory ran out, on the GPU or on the processor (there a plain RuntimeError)."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or "memory" in said or "bad_alloc" in said


def _let_go() -> None:
    """Keep nothing of earlier questions: the next one may need its room."""
    from engine.explore.carrying import carried_once
    from engine.explore.draws import start
    from engine.explore.jumps import state_at
    from engine.explore.truth import truth

    for kept in (start, state_at, carried_once, truth):
        kept.cache_clear()


if __name__ == "__main__":
    sys.exit(main())
