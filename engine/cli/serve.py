"""`serve`: the hub that the window talks to."""

from typing import Annotated

import typer

from engine.cli.options import Workspace

app = typer.Typer()


@app.command()
def serve(
    workspace: Workspace,
    stdio: Annotated[bool, typer.Option("--stdio", help="Speak frames on stdin and stdout.")],
) -> None:
    """The hub, on a stream: what the window starts, here or behind `ssh -T HOST`."""
    from engine.hub.__main__ import run

    run(workspace)
