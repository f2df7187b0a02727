"""Options that say how to go from noise to data, shared by `sample` and `jump`."""

from typing import Annotated

import typer

from engine.contract.errors import UserError
from engine.contract.messages import Sampler, Solver

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
    float,
    typer.Option(help="Guidance of a velocity that was trained with hidden labels; 1 is none."),
]


def sampler_of(
    method: str, gamma: float | None, times: str, solver: Solver, guidance: float
) -> Sampler:
    """What the options ask of a model of this method. Raises UserError."""
    if times == "even":
        return Sampler(gamma, solver, "even", guidance)
    if times == "karras":
        return Sampler(gamma, solver, "karras", guidance)
    return Sampler(gamma, solver, _passed(method, times), guidance)


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
