"""What a session trains: a spec that was checked, and how it differs from its spec.toml."""

from collections.abc import Sequence
from pathlib import Path

from engine.contract.catalogue import data_problems
from engine.contract.schema import differences, said
from engine.contract.specs import RunSpec, problems
from engine.data.catalogue import find
from engine.runs.changes import Changes, changed, check_changes, joined, standing
from engine.runs.errors import RunError
from engine.runs.folder import RunFolder


class Plan:
    """What is trained: a spec, the changes to spec.toml in it, and what is told of them first."""

    def __init__(self, spec: RunSpec, changes: Changes = (), told: Sequence[str] = ()) -> None:
        self.spec, self.changes, self.told = spec, changes, told


def resumed(run: RunFolder, more: Changes, workspace: Path) -> Plan:
    """The plan of a run that goes on. Raises UserError where it cannot."""
    check_changes(more)
    first, before = run.spec(), standing(run)
    after = joined(before, more)
    spec, was = checked(changed(first, after), workspace), changed(first, before)
    told = [
        f"{d.key} is {said(d.after)} from here on, instead of {said(d.before)}."
        for d in differences(was, spec)
    ]
    return Plan(spec, after, told)


def checked(spec: RunSpec, workspace: Path) -> RunSpec:
    """The spec itself. Raises UserError where it cannot be trained."""
    data = find(spec.data.name, workspace)
    if found := problems(spec, data.kind) + data_problems(spec, data):
        raise RunError(" ".join(problem.message for problem in found))
    return spec
