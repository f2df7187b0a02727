"""What the hub and its workers say to each other alone."""

from typing import Literal

from engine.contract.messages.base import Message, Request
from engine.contract.messages.runs import Action
from engine.contract.specs import RunSpec


class Threads(Message, frozen=True):
    """Use so many threads from now on."""

    count: int


class Train(Message, frozen=True):
    """Train in `folder`: a new run with `spec`, or, without one, the run that lies there.

    `changes` are fields, key and value, that it goes on with otherwise than in its spec.toml.
    """

    folder: str
    workspace: str
    spec: RunSpec | None = None
    threads: int = 0
    changes: tuple[tuple[str, str], ...] = ()


class Control(Message, frozen=True):
    """An action at the next step."""

    action: Action


class Left(Message, frozen=True):
    """Last message of a train worker: how it ended, in the journal's words."""

    how: Literal["finished", "stopped", "failed"]
    step: int
    message: str = ""


class TakeIn(Request, frozen=True):
    """Keep a picture of one's own, by its absolute path, in the workspace. Answered by TakenIn."""

    path: str


class TakenIn(Message, frozen=True):
    """A picture is kept under `name`; `note` says what was left out of it, if anything."""

    id: int
    name: str
    note: str = ""
