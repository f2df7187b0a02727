"""The folder in which runs and imported data live, and the names in it."""

import os
import re
import sys
from collections.abc import Collection
from pathlib import Path

from engine.contract.errors import UserError
from engine.contract.messages import RunInfo
from engine.contract.specs import RunSpec
from engine.runs.folder import RunFolder
from engine.runs.summary import summarise

_NAME = re.compile(r"[^\x00-\x1f/\\:*?\"<>|@]+")  # what every file system and RUN@STEP can carry
_FOLDERS = {
    "darwin": "~/Library/Application Support/Flow Map Studio",
    "win32": "~/AppData/Local/Flow Map Studio",
}


def default_workspace() -> Path:
    """FLOWMAP_WORKSPACE where it is set, else the platform's folder for data of programs."""
    if chosen := os.environ.get("FLOWMAP_WORKSPACE"):
        return Path(chosen).expanduser().absolute()
    if folder := _FOLDERS.get(sys.platform):
        return Path(folder).expanduser()
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser() / "flowmap-studio"


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


def new_run_name(workspace: Path, spec: RunSpec, taken: Collection[str] = ()) -> str:
    """A name that is free: METHOD-DATA-NUMBER, one above the highest number there."""
    stem = f"{spec.method.__struct_config__.tag}-{spec.data.name}"
    there = {*taken, *(path.name for path in runs_folder(workspace).glob(f"{stem}-*"))}
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
