"""A link without an engine: it answers from a script, as late as a test wants."""

import asyncio
import itertools
from collections.abc import Callable
from typing import TypeVar

from engine.contract.messages import Done, Hello, Message, Refused, Request
from studio.link.link import Link, LinkClosed, Refusal

Asked = TypeVar("Asked", bound=Request)
Answer = Message | tuple[Message, bytes]


class FakeLink(Link):
    """Same surface as `HubLink`.

    `on(Kind, answer)` scripts the answer to a request, `hold()` keeps answers back until
    `release()`, `notice(...)` sends one, `die(...)` ends the stream. `asked` is what was requested.
    """

    def __init__(self, hello: Hello | None = None) -> None:
        super().__init__()
        self.hello = hello or Hello("flowmap-engine", torch="2.13.0", device="cpu", cores=2)
        self.asked: list[Request] = []
        self.alive = False
        self.starts = 0
        self.parted = False  # left to live on
        self._ids = itertools.count(1)
        self._script: dict[type[Request], Callable[[Request], Answer]] = {}
        self._waiting: list[asyncio.Future[None]] = []
        self._held = False

    def on(self, kind: type[Asked], answer: Callable[[Asked], Answer]) -> None:
        """Answer each request of this kind by `answer(request)`."""
        self._script[kind] = answer  # type: ignore[assignment]

    def of(self, kind: type[Asked]) -> list[Asked]:
        """The requests of one kind so far."""
        return [asked for asked in self.asked if isinstance(asked, kind)]

    def hold(self) -> None:
        """Keep all answers back from now on."""
        self._held = True

    def release(self) -> None:
        """Let answers that were kept back go, and hold none from now on."""
        self._held = False
        self._end(None)

    def release_last(self) -> None:
        """Let only the newest request's answer go, past those that wait longer."""
        self._waiting.pop().set_result(None)

    def notice(self, message: Message, payload: bytes = b"") -> None:
        """Tell the studio something it did not ask for."""
        self.noticed.emit(message, payload)

    def open(self) -> None:
        """Shake hands at once, for tests that do not start the link themselves."""
        self.starts += 1
        self.alive = True
        self.opened.emit(self.hello)

    def die(self, why: str = "The engine stopped unexpectedly.") -> None:
        """End the stream: what waits fails."""
        self.alive = False
        self._end(LinkClosed(why or "The engine was stopped."))
        self.closed.emit(why)

    async def start(self) -> None:
        await asyncio.sleep(0)
        self.open()

    async def stop(self) -> None:
        if self.alive:
            await asyncio.sleep(0)
            self.die("")

    async def part(self) -> None:
        self.parted = True
        await self.stop()

    async def request(self, build: Callable[[int], Request]) -> tuple[Message, bytes]:
        if not self.alive:
            raise LinkClosed("The engine is not running.")
        request = build(next(self._ids))
        self.asked.append(request)
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(answered)
        if not self._held:
            self.release()
        await answered
        answer = self._script.get(type(request), _done)(request)
        message, payload = answer if isinstance(answer, tuple) else (answer, b"")
        if isinstance(message, Refused):
            raise Refusal(message.message)
        return message, payload

    def _end(self, error: LinkClosed | None) -> None:
        """Let all waiting requests go on, or fail."""
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(error) if error else waiting.set_result(None)
        self._waiting.clear()


def _done(request: Request) -> Message:
    return Done(request.id)
