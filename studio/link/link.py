"""What the models know of the engine: ask, be told, and learn when it is gone."""

from abc import abstractmethod
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from engine.contract.errors import UserError
from engine.contract.messages import Message, Request


class LinkError(UserError):
    """A request that was not met."""


class Refusal(LinkError):
    """The engine answered that it cannot do this, and why."""


class LinkClosed(LinkError):
    """The engine went away before it answered."""


class Link(QObject):
    """A stream to an engine hub; `HubLink` is the real one.

    `opened(Hello)` after each start, `noticed(message, payload)` for each notice, and `closed(why)`
    once when the stream ends: one sentence, or "" where `stop` was asked for. While it is
    `returning` only the way to an engine was lost: that trains on, and the link looks for it.
    """

    returning = False

    opened = Signal(object)
    noticed = Signal(object, object)
    closed = Signal(str)

    @abstractmethod
    async def start(self) -> None:
        """Start an engine and shake hands; how that went is told by `opened` or `closed`."""

    @abstractmethod
    async def request(self, build: Callable[[int], Request]) -> tuple[Message, bytes]:
        """Send `build(id)` and return its answer and payload. Raises Refusal or LinkClosed."""

    @abstractmethod
    async def stop(self) -> None:
        """End the engine, giving it time to save; returns when its process is gone."""

    @abstractmethod
    async def part(self) -> None:
        """End the stream of an engine that has agreed to live on (Detach), and leave it alone."""
