"""`verify`: whether going on equals never having stopped, shown on one's own run."""

from typing import Annotated

import msgspec
import typer

from engine.cli.options import Workspace
from engine.cli.output import Json, Telling, complaints, console
from engine.hub.workspace import run_folder
from engine.runs.folder import RunFolder

app = typer.Typer()


@app.command()
def verify(
    run: str,
    workspace: Workspace,
    steps: Annotated[
        int, typer.Option(min=0, help="Steps to train anew at most; 0: to the newest checkpoint.")
    ] = 0,
    json: Json = False,
) -> None:
    """Train the newest stretch of a run anew, elsewhere, and compare every number.

    Nothing is written into the run. Leaves with 0 where all is the same and with 1 where not.
    """
    folder = RunFolder(run_folder(run, workspace))
    from engine.worker.verify import verify_run

    with Telling(1, json) as telling:
        found = verify_run(folder, workspace, steps, telling.tell)
    if json:
        typer.echo(msgspec.json.encode({"same": found.same, "message": found.sentence}))
    else:
        (console if found.same else complaints).print(found.sentence, soft_wrap=True)
    if not found.same:
        raise typer.Exit(1)
