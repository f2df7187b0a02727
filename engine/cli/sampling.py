"""`sample` and `export`: samples of a model, and the model itself."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.options import Model, Seed, Workspace
from engine.cli.output import Json, show
from engine.cli.samplers import (
    Evaluations,
    Gamma,
    Guidance,
    GuidanceFrom,
    GuidanceTo,
    SolverOption,
    TimesOption,
    sampler_of,
    steps_for,
)
from engine.cli.sources import Label
from engine.cli.writing import check_out, facts_of, save_array, save_arrays, save_bytes
from engine.contract.commands import sample_words
from engine.contract.errors import UserError
from engine.contract.facts import Facts
from engine.contract.learned import learned
from engine.contract.source import Source

if TYPE_CHECKING:
    import torch

app = typer.Typer()
Out = Annotated[Path, typer.Option("--out", help="The file to write.")]
_COLUMNS = 8  # of up to so many rows of pictures; more of them make a square


@app.command()
def sample(
    model: Model,
    workspace: Workspace,
    out: Out,
    n: Annotated[int, typer.Option("--n", min=1, max=65536, help="Number of samples.")] = 64,
    nfe: Evaluations = None,
    seed: Seed = 0,
    label: Label = -1,
    gamma: Gamma = None,
    times: TimesOption = "even",
    solver: SolverOption = "heun",
    guidance: Guidance = None,
    guidance_from: GuidanceFrom = None,
    guidance_to: GuidanceTo = None,
    json: Json = False,
) -> None:
    """Samples as a .png grid (pictures) or .npz / .npy / .h5 arrays."""
    from engine.explore.jumps import states
    from engine.explore.models import load_model

    check_out(out, (".png", ".npz", ".npy", ".h5"))
    loaded = load_model(model, workspace)
    guides = guidance, guidance_from, guidance_to
    sampler = sampler_of(
        learned(loaded.spec, loaded.info.step).method, gamma, times, solver, guides
    )
    source = Source("noise", seed, n, label)
    steps = steps_for(loaded, sampler, nfe)
    found = states(loaded, source, 1.0, 0.0, steps, sampler=sampler)
    more: dict[str, object] = {"how": found.how, "gamma": gamma, "times": times}
    if loaded.info.capability == "velocity":
        more["solver"] = solver
    if can := loaded.info.guidance:
        taken = can.chosen(*guides)
        more |= {"guidance": taken.omega}
        more |= {"guidance_from": taken.start, "guidance_to": taken.end}
    words = sample_words(model, source, found.nfe, sampler)
    facts = facts_of(loaded, source, 1.0, 0.0, found.nfe, words, out, **more)
    _write(out, found.x_s, facts)
    row = {"wrote": str(out), "n": n, "nfe": found.nfe, "model": loaded.info.name}
    show([{**row, "how": found.how}], json)


@app.command()
def export(
    model: Model,
    workspace: Workspace,
    out: Out,
    json: Json = False,
) -> None:
    """A run's model as one .safetensors file that any studio opens."""
    from engine.exchange.model_file import save_model
    from engine.explore.models import load_model

    check_out(out, (".safetensors",))
    loaded = load_model(model, workspace)
    state = loaded.network.state_dict()
    save_model(out, state, loaded.spec, loaded.info.data, loaded.info.step, loaded.info.ema)
    show([{"wrote": str(out), "bytes": out.stat().st_size, "step": loaded.info.step}], json)


def _write(out: Path, samples: "torch.Tensor", facts: Facts) -> None:
    """Write samples (float32, [n, ...]) by the suffix of `out`."""
    numbers = samples.numpy()
    match out.suffix:
        case ".png":
            if samples.ndim != 4:
                raise UserError(f"{out.name} wants pictures; write points to .npz or .npy.")
            save_bytes(out, _grid(samples, facts))
        case ".npy":
            save_array(out, numbers)
        case _:
            save_arrays(out, {"samples": numbers}, facts)


def _grid(samples: "torch.Tensor", facts: Facts) -> bytes:
    """A PNG of pictures side by side; its texts `tile` and `count` tell how to cut it."""
    from PIL import Image

    from engine.data.pixels import to_pixels
    from engine.exchange.canvas import png
    from engine.exchange.pictures import grid

    pictures = to_pixels(samples)
    count, height, width, _ = pictures.shape
    columns = _COLUMNS if count <= _COLUMNS**2 else 0
    image = Image.fromarray(grid(pictures, 1, "#000000", columns))
    return png(image, facts, tile=f"{width}x{height}", count=str(count))
