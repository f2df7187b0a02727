"""A studio for tests: asks a hub over a stream, and looks after its processes."""

import asyncio
import contextlib
import itertools
import os
import socket
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil

from engine.contract import frames, messages
from engine.contract.messages import Hello, Refused, Request
from engine.contract.specs import MLP, Cadence, Data, MeanFlow, RunSpec, Training
from engine.hub import server

PATIENCE = 120.0  # seconds; the machine may be busy, and nothing is measured here
MARK = "FLOWMAP_TEST_MARK"


def points_spec(**training) -> RunSpec:
    """A training that is over in a moment."""
    chosen = {"steps": 60, "batch": 16, "warmup": 5} | training
    return RunSpec(
        Data("eight-gaussians"),
        MeanFlow(adaptive_power=0.0),
        MLP(8, 1),
        training=Training(**chosen),
        cadence=Cadence(save=20, sample=20, count=16),
    )


class Studio:
    """One side of a stream to a hub."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.notices: list[messages.Message] = []
        self.ended = asyncio.Event()
        self._answers: dict[int, asyncio.Future] = {}
        self._ids = itertools.count(1)
        self._news = asyncio.Condition()
        self.reading = asyncio.create_task(self._read())

    def send(self, message: messages.Message) -> None:
        self.send_bytes(frames.encode(messages.encode(message)))

    def send_bytes(self, data: bytes) -> None:
        self.writer.write(data)

    async def ask(self, build: Callable[[int], Request]):
        """The answer of a request, `Refused` included, and its payload."""
        request = build(next(self._ids))
        self._answers[request.id] = future = asyncio.get_running_loop().create_future()
        self.send(request)
        return await asyncio.wait_for(future, PATIENCE)

    async def get(self, build: Callable[[int], Request]):
        """The answer of a request that must not be refused."""
        answer, _ = await self.ask(build)
        assert not isinstance(answer, Refused), answer
        return answer

    async def refusal(self, build: Callable[[int], Request]) -> str:
        """Why a request was refused: one sentence."""
        answer, _ = await self.ask(build)
        assert isinstance(answer, Refused), answer
        assert answer.message.endswith((".", "?")), answer.message
        assert "\n" not in answer.message
        return answer.message

    async def notice(self, wanted: Callable[[messages.Message], bool]) -> messages.Message:
        """The first notice like that, of those that came and those that will come."""

        def found():
            return next((notice for notice in self.notices if wanted(notice)), None)

        async with self._news:
            await asyncio.wait_for(self._news.wait_for(found), PATIENCE)
        return found()

    async def state(self, run: str, *states: str) -> messages.RunInfo:
        """Wait until a run is told to be in one of these states; its older news are forgotten."""

        def of_this_run(notice):
            return isinstance(notice, messages.RunChanged) and notice.run.name == run

        notice = await self.notice(lambda m: of_this_run(m) and m.run.state in states)
        seen = self.notices[: self.notices.index(notice) + 1]
        self.notices[: len(seen)] = [m for m in seen if not of_this_run(m)]
        return notice.run

    async def hello(self) -> Hello:
        """What the hub says first; its process is that of the hub, not of what guards it."""
        return await self.notice(lambda m: isinstance(m, Hello))

    async def freeze(self) -> None:
        """Read no more, as a window that hangs."""
        self.reading.cancel()
        await asyncio.wait([self.reading])
        self.reading = asyncio.create_task(asyncio.sleep(0))

    async def _read(self) -> None:
        decoder = frames.Decoder()
        with contextlib.suppress(ConnectionError):
            while data := await self.reader.read(1 << 16):
                for header, payload in decoder.feed(data):
                    await self._take(messages.decode(header), payload)
        self.ended.set()
        async with self._news:
            self._news.notify_all()

    async def _take(self, message: messages.Message, payload: bytes) -> None:
        future = self._answers.pop(getattr(message, "id", -1), None)
        if future and not future.done():
            future.set_result((message, payload))
        else:
            self.notices.append(message)
            async with self._news:
                self._news.notify_all()


@contextlib.asynccontextmanager
async def hub_here(workspace: Path, greet: bool = True) -> AsyncIterator[Studio]:
    """A hub in this process, over a pair of sockets; leaving ends its stream and waits for it."""
    here, there = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=there)
    serving = asyncio.create_task(server.serve(reader, writer, workspace))
    studio = Studio(*await asyncio.open_connection(sock=here))
    if greet:
        studio.send(Hello("test"))
    try:
        yield studio
    finally:
        with contextlib.suppress(OSError):
            studio.writer.write_eof()
        await asyncio.wait_for(serving, PATIENCE)
        await studio.reading
        studio.writer.close()


@contextlib.asynccontextmanager
async def hub_process(
    workspace: Path, module: str = "engine.hub", **more: Any
) -> AsyncIterator[tuple[Studio, asyncio.subprocess.Process]]:
    """A real hub, or a way to one; leaving ends the stream and waits for its process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, "--stdio", "--workspace", str(workspace)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        **more,
    )
    studio = Studio(process.stdout, process.stdin)
    studio.send(Hello("test", pid=os.getpid()))
    try:
        yield studio, process
    finally:
        studio.writer.close()
        await asyncio.wait_for(process.wait(), PATIENCE)
        await studio.reading


def marked(mark: str) -> list[psutil.Process]:
    """Living processes that were started under this mark, whoever their parent is now."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get(MARK) == mark:
                found.append(process)
    return found


def new_mark() -> str:
    return uuid.uuid4().hex


def processes() -> list[psutil.Process]:
    """Every process that this test started and that lives."""
    return marked(os.environ[MARK])


def workers(module: str) -> list[psutil.Process]:
    """The living processes that run `python -m MODULE`."""
    found = []
    for process in processes():
        with contextlib.suppress(psutil.Error):
            if module in process.cmdline():
                found.append(process)
    return found


def wait_until(true: Callable[[], object], patience: float = PATIENCE) -> None:
    """Wait for something that no message tells."""
    end = time.monotonic() + patience
    while not true():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


async def soon(true: Callable[[], object], patience: float = PATIENCE) -> None:
    """Wait for something that no message tells, while the loop goes on."""
    end = time.monotonic() + patience
    while not true():
        assert time.monotonic() < end, "it did not come to pass"
        await asyncio.sleep(0.02)
