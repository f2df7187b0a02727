"""Options that say how to go from noise to data, shared by `sample` and `jump`."""

from typing import TYPE_CHECKING, Annotated

import typer

from engine.contract.errors import UserError
from engine.contract.messages import Keep, Sampler, Solver

if TYPE_CHECKING:
    from engine.explore.models import Loaded

Evaluations = Annotated[
    int | None,
    typer.Option(
        "--nfe",
        min=1,
        max=4000,
        help="Evaluations of the network from noise to data (NFE), by default those of one step. "
        "A step takes one, of heun two, of rk4 four; guiding a velocity doubles them.",
    ),
]
Gamma = Annotated[
    float | None,
    typer.Option(
        help="Share of the noise that is new after each step: 0 exact jumps, 1 denoise and "
        "re-noise. By default what the model's capability asks for."
    ),
]
TimesOption = Annotated[
    str,
    typer.Option(
        help="even; karras; paper (a consistency model's own two steps); "
        "or the times to pass, as 0.6,0.3, which then are the steps."
    ),
]
SolverOption = Annotated[Solver, typer.Option(help="How a velocity is integrated.")]
Guidance = Annotated[
    float | None,
    typer.Option(
        help="How far the label pulls, 1 is none: of a velocity that was trained with hidden "
        "labels, or of a model that learned all guidances; by default the model's own."
    ),
]
GuidanceFrom = Annotated[float | None, typer.Option(help="Nearer to data, no guidance.")]
GuidanceTo = Annotated[float | None, typer.Option(help="Nearer to noise, no guidance.")]
KeepText = Annotated[
    str,
    typer.Option(
        "--keep",
        help="What is put back of a picture after each jump: outside:LEFT,TOP,RIGHT,BOTTOM (shares "
        "of it), brightness or coarse:4.",
    ),
]
Guides = tuple[float | None, float | None, float | None]


def sampler_of(
    method: str,
    gamma: float | None,
    times: str,
    solver: Solver,
    guides: Guides,
    keep: str = "",
) -> Sampler:
    """What the options ask of a model of this method. Raises UserError."""
    kept = _keep(keep) if keep else None
    if times == "even":
        return Sampler(gamma, solver, "even", *guides, kept)
    if times == "karras":
        return Sampler(gamma, solver, "karras", *guides, kept)
    return Sampler(gamma, solver, _passed(method, times), *guides, kept)


def steps_for(loaded: "Loaded", sampler: Sampler, nfe: int | None) -> int:
    """Steps from noise to data in which the network is asked `nfe` times; one where it is None.

    Raises UserError, naming the next number that there is a way for.
    """
    from engine.explore.ways import way

    if nfe is None:
        return 1
    least = way(loaded, 1.0, 0.0, 1, sampler).nfe
    steps = -(-nfe // least)
    taken = way(loaded, 1.0, 0.0, steps, sampler).nfe
    if taken != nfe:
        raise UserError(
            f"{loaded.info.name} cannot take {nfe} evaluations with this sampler, which takes "
            f"{least} at least; choose --nfe {taken}."
        )
    return steps


def _keep(text: str) -> Keep:
    kind, _, rest = text.partition(":")
    try:
        match kind:
            case "brightness" if not rest:
                return Keep("brightness")
            case "coarse":
                return Keep("coarse", factor=int(rest))
            case "outside":
                left, top, right, bottom = map(float, rest.split(","))
                return Keep("outside", (left, top, right, bottom))
        raise ValueError(text)
    except ValueError:
        raise UserError(
            f"--keep must be outside:LEFT,TOP,RIGHT,BOTTOM, brightness or coarse:4, not {text!r}."
        ) from None


def _passed(method: str, times: str) -> tuple[float, ...]:
    from engine.flow.grids import middle

    if times == "paper":
        return (middle(method),)
    try:
        return tuple(float(time) for time in times.split(","))
    except ValueError:
        raise UserError(
            f"--times must be even, karras, paper or times such as 0.6,0.3, not {times!r}."
        ) from None
