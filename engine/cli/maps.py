"""`map`: one number for every (t, s), as a picture or as arrays."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import typer
from numpy.typing import NDArray

from engine.cli.drawing import Theme
from engine.cli.options import Model, Seed, Workspace
from engine.cli.output import Json, Telling, show
from engine.cli.sources import Label
from engine.cli.states import read_numbers
from engine.cli.writing import check_out, facts_of, save_arrays, save_bytes
from engine.contract.commands import map_words
from engine.contract.errors import UserError
from engine.contract.maps import (
    LOSS_PARTS,
    PARTS,
    SAMPLES,
    MapKind,
    Probed,
    loss_cells,
    map_cells,
    map_info,
    map_parts,
)
from engine.contract.source import Source

if TYPE_CHECKING:
    from engine.exchange.map_sheet import Measured
    from engine.explore.models import Loaded

app = typer.Typer()
Kind = Literal[Probed, "loss"]  # every MapKind, as options take it
_PIECE = 16  # places that are measured together


@app.command(name="map")
def draw_map(
    model: Model,
    workspace: Workspace,
    out: Annotated[Path, typer.Option("--out", help="The map: .png, .svg, .npz or .h5.")],
    kind: Annotated[Kind, typer.Option("--kind", help="What is measured.")] = "error",
    seed: Seed = 0,
    label: Label = -1,
    middle: Annotated[
        float, typer.Option(min=0.001, max=0.999, help="Where a defect cuts its jumps.")
    ] = 0.5,
    other: Annotated[str, typer.Option(help="The model that a distance is measured to.")] = "",
    parts: Annotated[
        int, typer.Option(min=0, max=64, help="Places along a side; 0 takes 24, of pictures 12.")
    ] = 0,
    values: Annotated[
        Path | None,
        typer.Option(help="What was measured at each place before, float32 as .npy."),
    ] = None,
    scale: Annotated[int, typer.Option(min=1, max=4, help="Pixels of a unit.")] = 1,
    theme: Theme = "dark",
    json: Json = False,
) -> None:
    """A map over (t, s): error, defect, a residual, a distance, or the loss of a training."""
    from engine.explore.models import load_model

    check_out(out, (".png", ".svg", ".npz", ".h5"))
    loaded = load_model(model, workspace)
    beside = load_model(other, workspace) if other else None
    kind_of_data = loaded.info.data.kind
    source = Source("noise", seed, SAMPLES[kind_of_data], label)
    if kind == "loss":
        found, memorises = _trained(loaded, model), False
    else:
        known = None if values is None else read_numbers(values)
        found, memorises = _measured(loaded, beside, kind, source, middle, parts, json, known)
    info = map_info(kind)
    words = map_words(
        model,
        kind,
        source,
        middle,
        other,
        *(parts, scale if out.suffix == ".png" else 1),
        theme if out.suffix in (".png", ".svg") else "dark",
    )
    facts = facts_of(
        loaded,
        source,
        *(1.0, 0.0, 0, words, out),
        map=kind,
        meaning=info.meaning,
        middle=middle if kind == "defect" else None,
        other=other or None,
    )
    if out.suffix in (".npz", ".h5"):
        places = {"t": found.cells[:, 0], "s": found.cells[:, 1], "size": np.array(found.size)}
        share = {} if found.share is None else {"share": found.share}
        save_arrays(out, {**places, "values": found.values, **share}, facts)
    else:
        from engine.exchange.map_sheet import Words, map_sheet
        from engine.exchange.palette import PALETTES

        more = _more(kind, middle, beside, memorises)
        said = facts.lines()[0]
        if kind != "loss":
            said += f" · seed {seed} · {source.count} samples at each place"
        unit = "mean square" if kind == "loss" else "root mean square"
        words_of = Words(info, said, more, unit)
        sheet = map_sheet(found, words_of, PALETTES[theme], out.suffix == ".svg", scale)
        save_bytes(out, sheet.content(facts))
    row = {"wrote": str(out), "places": len(found.cells), "most": found.most}
    show([{**row, "model": loaded.info.name}], json)


def _measured(
    loaded: "Loaded",
    other: "Loaded | None",
    kind: Probed,
    source: Source,
    middle: float,
    parts: int,
    json: bool,
    known: NDArray[np.float32] | None = None,
) -> "tuple[Measured, bool]":
    """The map, place by place as a window asks for it, so that there is progress to tell.

    What is `known` is not measured again; one place tells what else there is to say.
    """
    from engine.exchange.map_sheet import Measured
    from engine.explore.maps import measured

    parts = parts or PARTS[loaded.info.data.kind]
    cells, values, memorises = map_cells(loaded.info, parts), [], False
    size, places = 1 / map_parts(loaded.info, parts), np.array(cells, float).reshape(-1, 2)
    if known is not None:
        if known.shape != (len(cells),):
            raise UserError(f"--values must hold {len(cells)} numbers, one for each place.")
        memorises = measured(loaded, kind, source, cells[:1], middle, other).memorises
        return Measured(places, known, size, loaded.info.capability), memorises
    with Telling(len(cells), json) as telling:
        for at in range(0, len(cells), _PIECE):
            piece = measured(loaded, kind, source, cells[at : at + _PIECE], middle, other)
            values.append(piece.values.numpy())
            memorises = piece.memorises
            telling.tell(min(len(cells), at + _PIECE))
    numbers = np.concatenate(values).astype(np.float32)
    return Measured(places, numbers, size, loaded.info.capability), memorises


def _trained(loaded: "Loaded", name: str) -> "Measured":
    """The mean loss of a training where it trained, as it was kept with the step in hand."""
    from engine.exchange.map_sheet import Measured
    from engine.explore.films import run_name
    from engine.hub.workspace import past_run
    from engine.runs.loss_map import read

    try:
        folder = past_run(run_name(name), loaded.workspace)
    except UserError:
        raise UserError(f"{name} is no run: only a run keeps the loss of its training.") from None
    kept = read(folder, loaded.info.step)
    seen = kept.counts.ravel() > 0
    counts = kept.counts.ravel()[seen]
    mean, cells = kept.sums.ravel()[seen] / counts, np.array(loss_cells(), float)[seen]
    share = counts / counts.sum()
    return Measured(cells, mean, 1 / LOSS_PARTS, loaded.info.capability, share)


def _more(kind: MapKind, middle: float, other: "Loaded | None", memorises: bool) -> tuple[str, ...]:
    """What else a sheet has to say."""
    found = []
    if kind == "defect":
        found.append(f"The jump from t to s is cut in two at s + {middle:g} (t - s).")
    if other is not None:
        found.append(f"The other model is {other.info.name}, step {other.info.step:,}.")
    if memorises:
        found.append("The truth here is the flow of the pictures themselves, which memorises.")
    return tuple(found)
