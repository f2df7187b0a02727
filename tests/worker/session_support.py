"""Short trainings in a folder, and what they leave."""

from collections.abc import Callable, Sequence
from pathlib import Path
from unittest.mock import patch

import pytest
import torch

from engine.contract.history import History
from engine.contract.messages import Action, Left
from engine.contract.specs import RunSpec
from engine.runs.checkpoint import newest
from engine.runs.folder import RunFolder
from engine.runs.history import read_history
from engine.train.trainer import Row
from engine.worker.session import Session, train_session

UNTIMED = {"seconds", "samples_per_second"}
NOWHERE = Path("/nowhere")


def script(*actions: Action | None) -> Callable[[], Action | None]:
    """A control that gives these actions, one a look (the first look is before the first step)."""
    left = iter(actions)
    return lambda: next(left, None)


def trained(
    run: RunFolder, spec: RunSpec | None, *actions: Action | None, changes: Sequence[str] = ()
) -> Left:
    pairs = tuple((key, value) for key, _, value in (c.partition("=") for c in changes))
    return train_session(
        run.path, spec, NOWHERE, threads=1, control=script(*actions), changes=pairs
    )


def stopping_at(step: int) -> list[Action | None]:
    return [None] * step + ["stop"]


def tensors(run: RunFolder) -> dict[str, dict[str, torch.Tensor]]:
    found = newest(run)
    assert found is not None
    return {name: found.tensors(name) for name in found.files()}


def curves(run: RunFolder) -> dict[str, list[float]]:
    history = read_history(run)
    return {n: history.curve(n).tolist() for n in history.columns if n not in UNTIMED}


def of_kind(history: History, kind: type) -> list[int]:
    return [e.step for e in history.events if isinstance(e, kind)]


def refused(run: RunFolder, spec: RunSpec | None, words: str) -> None:
    """It cannot begin, says why in one sentence, and leaves nothing behind."""
    there = sorted(run.path.parent.rglob("*")) if run.path.parent.exists() else None
    with pytest.raises(Exception, match=words) as caught:
        train_session(run.path, spec, NOWHERE)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")
    left = sorted(run.path.parent.rglob("*")) if run.path.parent.exists() else None
    assert left == there or left == []


def trained_to(run: RunFolder, spec: RunSpec | None, stop: int) -> Left:
    """Stopped after the step `stop`, however often the session looks for a wish on the way."""
    reached, row = [0], Session._row

    def noted(session: Session, event: Row) -> None:
        reached[0] = event.step
        row(session, event)

    def control() -> Action | None:
        return "stop" if reached[0] >= stop else None

    with patch.object(Session, "_row", noted):
        return train_session(run.path, spec, NOWHERE, threads=1, control=control)
