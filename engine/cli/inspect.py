"""`inspect`: what a file holds that somebody else made, without running anything in it."""

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.options import Workspace
from engine.cli.output import Json, console, show
from engine.contract.messages import Inspect, Inspected
from engine.contract.paths import to_text
from engine.worker.inspecting import ask_inspector
from engine.worker.limits import limits_for

app = typer.Typer()


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="A checkpoint, archive, HDF5, arrays, a picture.")],
    workspace: Workspace,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write what is taken here, as .safetensors.")
    ] = None,
    memory: Annotated[
        int, typer.Option(min=0, help="MB that reading may take; 0: 2048, or 4 times the file.")
    ] = 0,
    seconds: Annotated[float, typer.Option(min=0, help="Seconds it may take; 0: 60.")] = 0.0,
    json: Json = False,
) -> None:
    """What a file holds: kind, names, shapes, types, and what is refused and why.

    It is opened in a process of its own with little memory, no network and no pickle.
    """
    path = file.absolute()
    limits = limits_for(path, memory << 20, seconds)
    target = "" if out is None else to_text(out.absolute())
    request = Inspect(0, to_text(path), target, limits.memory, limits.seconds)
    found = ask_inspector(request, workspace, limits)
    assert isinstance(found, Inspected)
    rows = [
        {"name": h.name, "shape": h.shape, "dtype": h.dtype, "refused": h.refused}
        for h in found.held
    ]
    if json:
        show([{"kind": found.kind, "count": found.count, "note": found.note, "wrote": found.wrote}],
             True)  # fmt: skip
        show(rows, True)
        return
    console.print(f"{found.kind}, {found.count:,} inside")
    if found.note:
        console.print(found.note)
    show(rows, False, "It is empty.")
    if found.count > len(rows):
        console.print(f"and {found.count - len(rows):,} more")
    if out is not None:
        console.print(f"Wrote {found.wrote:,} to {out}.")
