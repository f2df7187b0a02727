"""`runs` and `show`: what was trained."""

from datetime import datetime

import typer

from engine.cli.options import Workspace
from engine.cli.output import Json, console, show
from engine.contract.schema import fields
from engine.hub.asking import known_runs
from engine.hub.workspace import run_folder
from engine.runs.folder import RunFolder
from engine.runs.history import read_history
from engine.runs.summary import summarise

app = typer.Typer()


@app.command()
def runs(workspace: Workspace, json: Json = False) -> None:
    """The runs of the workspace: those that wait, then the others, newest first."""
    rows = (
        {
            "name": r.name,
            "method": r.method,
            "data": r.data,
            "state": r.state,
            "step": r.step,
            "steps": r.steps,
            "changed": datetime.fromtimestamp(r.changed).isoformat(" ", "minutes"),
        }
        for r in known_runs(workspace)
    )
    show(rows, json, "There are no runs yet; `flowmap-engine train points-meanflow` makes one.")


@app.command(name="show")
def show_run(run: str, workspace: Workspace, json: Json = False) -> None:
    """A run's spec, its last metrics and its checkpoints."""
    folder = RunFolder(run_folder(run, workspace))
    info = summarise(folder)
    history = read_history(folder)
    last = {name: float(history.curve(name)[-1]) for name in history.columns if len(history.steps)}
    spec = folder.spec()
    if json:
        found = {"run": info, "spec": spec, "last": last, "checkpoints": folder.checkpoints()}
        show([found], True)
        return
    console.print(f"{info.name}  {info.title}  {info.state}, step {info.step}", style="bold")
    show(({"key": f.key, "value": f.value} for f in fields(spec) if f.shown), False)
    show([last] if last else [], False, "No metrics yet.")
    console.print("checkpoints:", ", ".join(map(str, folder.checkpoints())) or "none yet")
