"""What the state of a run means for the one who looks at it."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.contract.messages import RunInfo

ACTIVE = ("starting", "running", "silent", "paused", "stopping")  # a process is at work on it
RATE = "training.learning_rate"
_COMMAND = re.compile(rf":? `?flowmap-engine resume .+ --set {RATE}=([^\s`]+)`?\.?")


def can_be_killed(info: "RunInfo") -> bool:
    """Whether it was asked to stop and has not: the engine counts down in its message then."""
    return info.state == "stopping" and bool(info.message)


def lost_by_killing(info: "RunInfo") -> str:
    """What would be gone, in a sentence."""
    if info.checkpoint < 0:
        return "Killing it now loses all of it: there is no checkpoint yet."
    steps = info.step - info.checkpoint
    if steps <= 0:
        return "Killing it now loses nothing that was trained: all of it is saved."
    many = "step" if steps == 1 else "steps"
    return (
        f"Killing it now loses {steps:,} {many}: it is saved up to step {info.checkpoint:,}, "
        "and goes on from there."
    )


def smaller_rate(info: "RunInfo") -> str:
    """The learning rate that the engine advises to go on with, "" where it does not."""
    found = _COMMAND.search(info.message) if info.state == "failed" else None
    return found.group(1) if found else ""


def reason(info: "RunInfo") -> str:
    """Its message for somebody who has buttons: without the command that one of them gives."""
    if not smaller_rate(info):
        return info.message
    return _COMMAND.sub(".", info.message)
