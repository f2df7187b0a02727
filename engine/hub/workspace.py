"""The folder in which runs and imported data live, and the names in it."""

import difflib
import re
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from engine.contract.assets import asset
from engine.contract.catalogue import shipped_models
from engine.contract.errors import UserError
from engine.contract.lineage import parted
from engine.contract.messages import RunInfo
from engine.contract.specs import RunSpec
from engine.hub.place import default_workspace
from engine.hub.queue import waiting
from engine.hub.shipped import ShippedRun
from engine.runs.folder import RunFolder
from engine.runs.summary import summarise

__all__ = [
    "Named",
    "check_name",
    "default_workspace",
    "list_names",
    "list_runs",
    "named_model",
    "named_run",
    "new_run_name",
    "past_run",
    "run_folder",
    "runs_folder",
    "shipped_run",
]

_NAME = re.compile(r"[^\x00-\x1f/\\:*?\"<>|@]+")  # what every file system and RUN@STEP can carry


def runs_folder(workspace: Path) -> Path:
    """Where the runs of a workspace lie."""
    return workspace / "runs"


def check_name(name: str) -> None:
    """Raise UserError where `name` cannot be the name of a run."""
    bad_ends = name != name.strip() or name[:1] in ("", ".", "-") or name.endswith(".")
    if bad_ends or len(name.encode("utf-8", "replace")) > 100 or not _NAME.fullmatch(name):
        raise UserError(
            f"{name!r} cannot be the name of a run; use letters, digits, spaces, '-', '_' and '.', "
            "at most 100, beginning with a letter or digit."
        )


def named_run(name: str, workspace: Path) -> RunFolder:
    """The run called `name` in the workspace. Raises UserError where there is none."""
    check_name(name)
    folder = runs_folder(workspace) / name
    if not (folder / "spec.toml").is_file():
        raise UserError(f"There is no run {name!r} in {runs_folder(workspace)}.")
    return RunFolder(folder)


def run_folder(run: str, workspace: Path) -> Path:
    """The folder of a run of the workspace, or of a run that lies elsewhere, by its path."""
    for folder in (runs_folder(workspace) / run, Path(run).expanduser().absolute()):
        if (folder / "spec.toml").is_file():
            return folder
    raise UserError(f"There is no run {run!r}, neither in {runs_folder(workspace)} nor as a path.")


def shipped_run(name: str, workspace: Path) -> ShippedRun | None:
    """The run of a shipped model, if it has one; one of the workspace of that name goes before."""
    if name not in shipped_models() or (runs_folder(workspace) / name).exists():
        return None
    run = ShippedRun(asset("models") / name)
    return run if run.spec_file.is_file() else None


def past_run(run: str, workspace: Path) -> RunFolder:
    """A run to look back at: of the workspace, by its path, or that of a shipped model."""
    return shipped_run(run, workspace) or RunFolder(run_folder(run, workspace))


class Named(NamedTuple):
    """What the name of a model stands for: a model file, or a run and a step of it, "": newest."""

    path: Path
    run: bool
    step: str = ""


def named_model(name: str, workspace: Path) -> Named:
    """What MODEL stands for: a shipped model, a model file, a run or RUN@STEP. Raises UserError."""
    if name in shipped_models():
        return Named(asset("models") / f"{name}.safetensors", False)
    path = Path(name).expanduser()
    if path.suffix == ".safetensors" and path.is_file():
        return Named(path.absolute(), False)
    run, _, step = name.rpartition("@") if "@" in name else (name, "", "")
    try:
        folder = past_run(run, workspace)
    except UserError:
        raise UserError(_unknown_model(name, workspace)) from None
    kept = folder.kept()
    if not step and not folder.checkpoints():
        raise UserError(
            f"{folder.name} has no checkpoint yet; save it now or wait for the next one."
        )
    if step and not (step.isdecimal() and int(step) in kept):
        known = ", ".join(map(str, kept)) or "none"
        raise UserError(f"{folder.name} has no checkpoint of step {step}; it has {known}.")
    if isinstance(folder, ShippedRun) and int(step) == kept[-1]:
        return Named(folder.model, False)
    return Named(folder.path, True, step)


def _unknown_model(name: str, workspace: Path) -> str:
    known = [*shipped_models(), *list_names(workspace)]
    near = difflib.get_close_matches(parted(name)[0], known, 1, 0.5)
    if near:
        return f"There is no model {name!r}; did you mean {near[0]!r}?"
    return f"There is no model {name!r}; give a run, a model file or a shipped model."


def new_run_name(workspace: Path, spec: RunSpec, taken: Collection[str] = ()) -> str:
    """A name that is free: METHOD-DATA-NUMBER, one above the highest number there."""
    stem = f"{spec.method.__struct_config__.tag}-{spec.data.name}"
    on_disk = (path.name for path in runs_folder(workspace).glob(f"{stem}-*"))
    there = {*taken, *waiting(workspace), *on_disk}
    numbers = (name.removeprefix(f"{stem}-") for name in there)
    highest = max((int(n) for n in numbers if n.isdecimal()), default=0)
    return f"{stem}-{highest + 1:03}"


def list_names(workspace: Path) -> list[str]:
    """The names of all runs of the workspace."""
    return sorted(spec.parent.name for spec in runs_folder(workspace).glob("*/spec.toml"))


def list_runs(workspace: Path) -> list[RunInfo]:
    """Every run of the workspace, newest first; a damaged one says so and hides no other."""
    folders = (RunFolder(runs_folder(workspace) / name) for name in list_names(workspace))
    return sorted(map(summarise, folders), key=lambda run: run.changed, reverse=True)
