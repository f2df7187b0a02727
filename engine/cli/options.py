"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from engine.hub.workspace import default_workspace

Workspace = Annotated[
    Path,
    typer.Option(
        "--workspace",
        file_okay=False,
        envvar="FLOWMAP_WORKSPACE",
        default_factory=default_workspace,
        show_default="the platform's data folder",
        help="Where runs and imported data live.",
    ),
]
Model = Annotated[
    str,
    typer.Argument(
        help="A run (its newest EMA; RUN@STEP for an older one), a model file or a shipped model."
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the noise.")]
Threads = Annotated[int, typer.Option(min=0, help="Threads of the processor; 0 takes all cores.")]
