"""What a run starts from, as far as it can be told without torch."""

from pathlib import Path

from engine.contract.catalogue import DataSet
from engine.contract.lineage import start_problems
from engine.contract.specs import Problem, RunSpec
from engine.data.catalogue import find
from engine.exchange.header import read_header
from engine.hub.workspace import named_model
from engine.runs.folder import RunFolder


def parent_of(start: str, workspace: Path) -> tuple[RunSpec, DataSet]:
    """The spec of the model called `start`, and what it learned. Raises UserError, DataError."""
    named = named_model(start, workspace)
    if not named.run:
        header = read_header(named.path)
        return header.spec, header.data
    spec = RunFolder(named.path).spec()
    return spec, find(spec.data.name, workspace)


def fitting_problems(spec: RunSpec, data: DataSet, workspace: Path) -> list[Problem]:
    """Why a run of this spec cannot start from what it names. Raises UserError where it is not."""
    if not spec.start:
        return []
    return start_problems(spec, data, *parent_of(spec.start, workspace))
