"""`sample`, `jump` and `export`: ask a model."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import h5py
import msgspec
import numpy as np
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
from engine.contract.errors import UserError
from engine.contract.files import whole_file
from engine.contract.learned import learned
from engine.contract.messages import Source
from engine.runs.samples import grid_png

if TYPE_CHECKING:
    import torch

app = typer.Typer()
Out = Annotated[Path, typer.Option("--out", help="The file to write.")]


@app.command()
def sample(
    model: Model,
    workspace: Workspace,
    out: Out,
    n: Annotated[int, typer.Option("--n", min=1, max=65536, help="Number of samples.")] = 64,
    nfe: Evaluations = None,
    seed: Seed = 0,
    label: Annotated[int, typer.Option(help="Class of the samples; -1 takes all.")] = -1,
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

    _check_suffix(out, (".png", ".npz", ".npy", ".h5"))
    loaded = load_model(model, workspace)
    guides = guidance, guidance_from, guidance_to
    sampler = sampler_of(
        learned(loaded.spec, loaded.info.step).method, gamma, times, solver, guides
    )
    source = Source("noise", seed, n, label)
    steps = steps_for(loaded, sampler, nfe)
    found = states(loaded, source, 1.0, 0.0, steps, sampler=sampler)
    facts: dict[str, object] = {"model": loaded.info.name, "seed": seed, "nfe": found.nfe}
    facts |= {"how": found.how, "gamma": gamma, "times": times}
    if loaded.info.capability == "velocity":
        facts["solver"] = solver
    if can := loaded.info.guidance:
        taken = can.chosen(*guides)
        facts |= {"guidance": taken.omega}
        facts |= {"guidance_from": taken.start, "guidance_to": taken.end}
    _write(out, found.x_s, {name: fact for name, fact in facts.items() if fact is not None})
    row = {"wrote": str(out), "n": n, "nfe": found.nfe, "model": loaded.info.name}
    show([{**row, "how": found.how}], json)


@app.command()
def jump(
    model: Model,
    workspace: Workspace,
    t: Annotated[str, typer.Option("--t", help="Where the states stand: a number or a .npy.")],
    s: Annotated[str, typer.Option("--s", help="Where to jump: a number or a .npy.")],
    in_: Annotated[Path, typer.Option("--in", help="States, float32 [n, ...] as .npy.")],
    out: Out,
    steps: Annotated[int, typer.Option(min=1, max=1000, help="Steps from t to s.")] = 1,
    seed: Seed = 0,
    label: Annotated[int, typer.Option(help="Class; -1 takes all.")] = -1,
    gamma: Gamma = None,
    times: TimesOption = "even",
    solver: SolverOption = "heun",
    guidance: Guidance = None,
    guidance_from: GuidanceFrom = None,
    guidance_to: GuidanceTo = None,
    json: Json = False,
) -> None:
    """Jump states from t to s, in the common clock and state."""
    import torch

    from engine.explore.jumps import jump_states
    from engine.explore.models import load_model

    _check_suffix(out, (".npy",))
    loaded = load_model(model, workspace)
    x_t = _read_states(in_, loaded.info.data.shape)
    guides = guidance, guidance_from, guidance_to
    sampler = sampler_of(
        learned(loaded.spec, loaded.info.step).method, gamma, times, solver, guides
    )
    start, end = (_times(word, len(x_t), name) for word, name in ((t, "--t"), (s, "--s")))
    x_s, way = jump_states(
        loaded,
        torch.from_numpy(x_t),
        start,
        end,
        steps=steps,
        label=label,
        sampler=sampler,
        seed=seed,
    )
    _save(out, lambda file: np.save(file, x_s.numpy()))
    row = {"wrote": str(out), "n": len(x_t), "nfe": way.nfe, "model": loaded.info.name}
    show([{**row, "how": way.how, "outside": way.outside}], json)


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

    _check_suffix(out, (".safetensors",))
    loaded = load_model(model, workspace)
    state = loaded.network.state_dict()
    save_model(out, state, loaded.spec, loaded.info.data, loaded.info.step, loaded.info.ema)
    show([{"wrote": str(out), "bytes": out.stat().st_size, "step": loaded.info.step}], json)


def _write(out: Path, samples: "torch.Tensor", facts: dict[str, object]) -> None:
    """Write samples (float32, [n, ...]) by the suffix of `out`."""
    from engine.data.pixels import to_pixels

    numbers = samples.numpy()
    match out.suffix:
        case ".png":
            if samples.ndim != 4:
                raise UserError(f"{out.name} wants pictures; write points to .npz or .npy.")
            _save(out, lambda file: file.write(grid_png(to_pixels(samples))))
        case ".npz":
            _save(
                out, lambda file: np.savez(file, samples=numbers, facts=msgspec.json.encode(facts))
            )
        case ".npy":
            _save(out, lambda file: np.save(file, numbers))
        case _:
            _save(out, lambda file: _write_h5(file, numbers, facts))


def _write_h5(file: BinaryIO, samples: np.ndarray, facts: dict[str, object]) -> None:
    with h5py.File(file, "w") as h5:
        h5.create_dataset("samples", data=samples, compression="gzip", fletcher32=True)
        h5.attrs.update(facts)


def _save(out: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write `out` whole; a failure leaves what was there. Raises UserError."""
    try:
        with whole_file(out) as file:
            write(file)
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error.strerror or error}.") from error


def _read_states(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    try:
        found = _array(path)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path} is not a readable .npy file.") from error
    right = found.ndim and found.dtype.kind in "fiu"
    if not right or found.shape[1:] != tuple(shape) or not len(found):
        raise UserError(f"{path} must hold numbers of shape [n, {', '.join(map(str, shape))}].")
    if not np.isfinite(found).all():
        raise UserError(f"{path} holds numbers that are not finite.")
    return found.astype(np.float32)


def _array(path: Path) -> np.ndarray:
    """One array; a file of several raises ValueError, where `np.load` would leave it open."""
    with open(path, "rb") as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _times(word: str, n: int, option: str) -> "float | torch.Tensor":
    import torch

    try:
        found = _array(Path(word)) if word.endswith(".npy") else np.float64(word)
        if found.dtype.kind not in "fiu":
            raise ValueError(found.dtype)
        found = np.broadcast_to(np.asarray(found, np.float32), (n,))
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{option} must be a number or a .npy of {n} times, not {word}.") from error
    if not ((found >= 0) & (found <= 1)).all():
        raise UserError(f"{option} must lie between 0 (data) and 1 (noise).")
    return torch.from_numpy(found.copy()) if word.endswith(".npy") else float(word)


def _check_suffix(out: Path, known: tuple[str, ...]) -> None:
    if out.suffix not in known:
        raise UserError(f"--out must end in {' or '.join(known)}, not {out.suffix or out.name!r}.")
