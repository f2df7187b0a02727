"""What every message is, and what either side of a stream may say."""

from typing import Literal

from msgspec import Struct

from engine.contract.version import PROTOCOL, VERSION


class Message(Struct, frozen=True, tag_field="type", tag=str.lower):
    """Base of all messages; the tag is the class name in lower case."""


class Request(Message, frozen=True):
    """Something that is answered."""

    id: int


class Hello(Message, frozen=True):
    """First message of either side. `torch` is its version, empty where it is not installed."""

    program: str
    protocol: int = PROTOCOL
    version: str = VERSION
    pid: int = 0
    torch: str = ""
    device: str = ""
    cores: int = 0
    workspace: str = ""
    detached: bool = False  # a hub that trains on when this stream ends


SUPERSEDED = "superseded"


class Refused(Message, frozen=True):
    """A request could not be met: one sentence for the user.

    Or the word `SUPERSEDED`: it was given up for something that goes before it.
    """

    id: int
    message: str


class Done(Message, frozen=True):
    """A request was met and has nothing more to say."""

    id: int


class EngineNote(Message, frozen=True):
    """Notice: a line for the log panel."""

    level: Literal["info", "warning", "error"]
    text: str
