"""`jump`: from any time to any other, of given states or of a source."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from engine.cli.drawing import Caption, Scale, Theme, jump_drawn, plot_drawn
from engine.cli.options import Model, Seed, Workspace
from engine.cli.output import Json, show
from engine.cli.plot import Beside, Draw, Square, plot_of, plotted, window_for
from engine.cli.samplers import (
    Gamma,
    Guidance,
    GuidanceFrom,
    GuidanceTo,
    KeepText,
    SolverOption,
    TimesOption,
    sampler_of,
)
from engine.cli.sources import (
    COUNTS,
    Carried,
    Count,
    Fan,
    From,
    Label,
    MixText,
    MovedText,
    SampleText,
    source_of,
)
from engine.cli.states import read_states, read_times
from engine.cli.writing import check_out, facts_of, save_array, save_arrays, save_bytes
from engine.contract.commands import Shown, jump_words, picture_words, plot_words
from engine.contract.errors import UserError
from engine.contract.learned import learned

app = typer.Typer()


@app.command()
def jump(
    model: Model,
    workspace: Workspace,
    t: Annotated[str, typer.Option("--t", help="Where the states stand: a number or a .npy.")],
    s: Annotated[str, typer.Option("--s", help="Where to jump: a number or a .npy.")],
    out: Annotated[
        Path, typer.Option("--out", help="x_s as .npy; x_t and x_s as .npz or .h5; .png, .svg.")
    ],
    in_: Annotated[
        Path | None,
        typer.Option("--in", help="States, float32 [n, ...] as .npy; without it those of --from."),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, max=1000, help="Steps from t to s.")] = 1,
    kind: From = "noise",
    seed: Seed = 0,
    count: Count = None,
    label: Label = -1,
    sample: SampleText = "",
    carried: Carried = False,
    mix: MixText = "",
    moved: MovedText = None,
    fan: Fan = False,
    gamma: Gamma = None,
    times: TimesOption = "even",
    solver: SolverOption = "heun",
    guidance: Guidance = None,
    guidance_from: GuidanceFrom = None,
    guidance_to: GuidanceTo = None,
    keep: KeepText = "",
    shown: Annotated[Shown, typer.Option("--show", help="Which state a picture shows.")] = "x_s",
    picture: Annotated[int, typer.Option(min=0, help="Show this one alone; 0 is all.")] = 0,
    draw: Draw = None,
    beside: Beside = None,
    square: Square = "",
    scale: Scale = 1,
    caption: Caption = False,
    theme: Theme = "dark",
    json: Json = False,
) -> None:
    """Jump states from t to s, in the common clock and state."""
    import torch

    from engine.explore.jumps import jump_states, states
    from engine.explore.models import load_model

    plot = plot_of(draw, beside, square)
    check_out(out, (".npy",) if in_ else (".npy", ".npz", ".h5", ".png", ".svg"))
    loaded = load_model(model, workspace)
    guides = guidance, guidance_from, guidance_to
    sampler = sampler_of(
        learned(loaded.spec, loaded.info.step).method, gamma, times, solver, guides, keep
    )
    if in_:
        x_t = torch.from_numpy(read_states(in_, loaded.info.data.shape))
        start, end = (read_times(word, len(x_t), name) for word, name in ((t, "--t"), (s, "--s")))
        x_s, way = jump_states(
            loaded, x_t, start, end, steps=steps, label=label, sampler=sampler, seed=seed
        )
        save_array(out, x_s.numpy())
        row = {"wrote": str(out), "n": len(x_t), "nfe": way.nfe, "model": loaded.info.name}
        show([{**row, "how": way.how, "outside": way.outside}], json)
        return
    source = source_of(
        kind, seed, count or COUNTS[loaded.info.data.kind], label, sample, carried, mix, moved, fan
    )
    start, end = (read_times(word, 1, name) for word, name in ((t, "--t"), (s, "--s")))
    if not isinstance(start, float) or not isinstance(end, float):
        raise UserError("Times of each state need the states: give them with --in.")
    found = states(loaded, source, start, end, steps, sampler=sampler)
    words = jump_words(model, source, start, end, steps, sampler)
    if out.suffix in (".png", ".svg"):
        words += [*plot_words(plot), *picture_words(shown, picture - 1, scale, caption, theme)]
    facts = facts_of(loaded, source, start, end, found.nfe, words, out, steps=steps, how=found.how)
    match out.suffix:
        case ".npy":
            save_array(out, found.x_s.numpy())
        case ".npz" | ".h5":
            arrays = {"x_t": found.x_t.numpy(), "x_s": found.x_s.numpy()}
            ends = {"t": np.array(start), "s": np.array(end)}
            save_arrays(out, arrays | ends, facts)
        case _ if found.x_s.ndim == 2:
            from engine.exchange.palette import PALETTES

            window = window_for(plot, found)
            layers = plotted(
                *(loaded, source, start, end, steps, sampler, found, plot, window),
                PALETTES[theme],
            )
            save_bytes(out, plot_drawn(out, layers, window, facts, scale, caption, theme))
        case _:
            drawn = jump_drawn(
                out, found.x_t, found.x_s, facts, shown, picture - 1, scale, caption, theme
            )
            save_bytes(out, drawn)
    row = {"wrote": str(out), "n": source.count, "nfe": found.nfe, "model": loaded.info.name}
    show([{**row, "how": found.how, "outside": found.outside}], json)
