"""`serve` and `attach`: the hub that the window talks to."""

import os
import subprocess
import sys
from typing import Annotated

import typer

from engine.cli.options import Workspace
from engine.cli.output import console
from engine.contract.errors import UserError
from engine.hub.child import environment
from engine.hub.meeting import meet

app = typer.Typer()
_CORES = 1  # threads of libraries in a hub, which computes nothing


@app.command()
def serve(
    workspace: Workspace,
    stdio: Annotated[
        bool, typer.Option("--stdio", help="Speak frames on stdin and stdout.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Stay in the background and work at the queue.")
    ] = False,
) -> None:
    """The hub: what the window starts, here or behind `ssh -T HOST`, or one in the background.

    One in the background trains on when its window closes, and leaves when nothing is left to do.
    """
    if stdio == detach:
        raise UserError("Say how to serve: --stdio for a window, or --detach for the background.")
    if stdio:
        _become("--stdio", workspace)
    elif meet(workspace, "runs"):
        console.print(f"{workspace} has an engine in the background already.", soft_wrap=True)
    else:
        _detach(workspace)


@app.command()
def attach(workspace: Workspace) -> None:
    """Bytes between stdin, stdout and the engine in the background, for a window behind ssh."""
    _become("--attach", workspace)


def _command(how: str, workspace: object) -> list[str]:
    return [sys.executable, "-m", "engine.hub", how, "--workspace", str(workspace)]


def _become(how: str, workspace: object) -> None:
    """Go on as the hub's own program, which forks before it has loaded anything."""
    command, surroundings = _command(how, workspace), environment(_CORES, {})
    if os.name == "nt":  # exec does not keep the process there
        sys.exit(subprocess.run(command, env=surroundings).returncode)
    os.execve(sys.executable, command, surroundings)


def _detach(workspace: object) -> None:
    hub = subprocess.Popen(
        _command("--detached", workspace),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=environment(_CORES, {}),
        start_new_session=True,
        text=True,
    )
    assert hub.stdout is not None
    said = hub.stdout.readline().strip()
    if said != "ready":
        raise UserError(said or f"The engine did not start; {workspace}/hub.log says why.")
    where = f"The engine of {workspace} is in the background (process {hub.pid})."
    console.print(where, soft_wrap=True)
