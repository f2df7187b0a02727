"""What the hub and its workers say to each other alone."""

from typing import Literal

from engine.contract.messages.base import Message
from engine.contract.messages.runs import Action
from engine.contract.specs import RunSpec


class Threads(Message, frozen=True):
    """Use so many threads from now on."""

    count: int


class Train(Message, frozen=True):
    """Train in `folder`: a new run with `spec`, or, without one, the run that lies there."""

    folder: str
    workspace: str
    spec: RunSpec | None = None
    threads: int = 0


class Control(Message, frozen=True):
    """An action at the next step."""

    action: Action


class Left(Message, frozen=True):
    """Last message of a train worker: how it ended, in the journal's words."""

    how: Literal["finished", "stopped", "failed"]
    step: int
    message: str = ""
