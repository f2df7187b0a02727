"""What a plot of points shows, and the options for it."""

from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import structs

from engine.contract.errors import UserError
from engine.contract.messages import Sampler
from engine.contract.plot import (
    FIELDS,
    LAYERS,
    PARTS,
    USUAL,
    Dots,
    Ink,
    Lines,
    Plot,
    Points,
    Seen,
    Ways,
    field_layers,
    hand_layers,
    jump_layers,
)
from engine.contract.source import Source

if TYPE_CHECKING:
    from torch import Tensor

    from engine.exchange.plots import Window
    from engine.explore.jumps import States
    from engine.explore.models import Loaded

Draw = Annotated[
    str | None,
    typer.Option("--draw", help="Layers of a plot of points: start,learned,exact,paths,v,u,mesh."),
]
Beside = Annotated[
    list[str] | None,
    typer.Option("--beside", help="A model whose x_s is plotted too, from the same x_t."),
]
Square = Annotated[
    str, typer.Option("--window", help="The square of the plane that is plotted: X,Y,HALF-A-SIDE.")
]
_MOST = 4  # models beside the first


def plot_of(draw: str | None, beside: list[str] | None, square: str) -> Plot:
    """What the options ask for. Raises UserError."""
    words = [*USUAL] if draw is None else [word for word in draw.split(",") if word]
    layers = tuple(layer for layer in LAYERS if layer in words)
    if unknown := [word for word in words if word not in LAYERS]:
        raise UserError(f"--draw knows {', '.join(LAYERS)}, not {unknown[0]!r}.")
    if len(beside or ()) > _MOST:
        raise UserError(f"At most {_MOST} models are plotted beside the first.")
    return Plot(layers, tuple(beside or ()), _square(square))


def window_for(plot: Plot, found: "States") -> "Window":
    """The square that is seen: the one asked for, else one around nearly all points."""
    from engine.exchange.plots import Window, window_of

    return Window(*plot.window) if plot.window else window_of([_array(x) for x in found[:2]])


def plotted(
    loaded: "Loaded",
    source: Source,
    t: float,
    s: float,
    steps: int,
    sampler: Sampler,
    found: "States",
    plot: Plot,
    window: "Window",
    ink: Ink,
) -> list[Dots | Lines]:
    """The layers of the jump `found`, as the window makes them. Raises UserError."""
    from engine.explore.traces import traces

    shown, ways = set(plot.layers), None
    even = structs.replace(sampler, times="even") if isinstance(sampler.times, tuple) else sampler
    if shown & {"paths", "exact"}:
        traced = traces(loaded, source, t, s, sampler=even)
        ways = Ways(_array(traced.learned), _known(traced.exact), _known(traced.exact_x_s))
    others = [_end_of(name, loaded, source, t, s, steps, sampler) for name in plot.beside]
    under = []
    if shown & {*FIELDS}:
        field = _field(loaded, t, s, window, even)
        under = field_layers(field, shown, "exact" in shown, ink)
    x_t, x_s = _array(found.x_t), _array(found.x_s)
    over = hand_layers(source, x_t, x_s, ink)
    return [*under, *jump_layers(x_t, x_s, ways, shown, ink, others), *over]


def _end_of(
    name: str, loaded: "Loaded", source: Source, t: float, s: float, steps: int, sampler: Sampler
) -> Points:
    """What a model beside makes of the states to which the first one brings the noise."""
    from engine.contract.fitting import fitting, known
    from engine.explore.jumps import Carrier, states
    from engine.explore.models import load_model

    other = load_model(name, loaded.workspace)
    if other.info.data.shape != loaded.info.data.shape:
        raise UserError(f"{name} makes other samples than {loaded.info.name}.")
    t, s, carrier = known(other.info, t), known(other.info, s), Carrier(loaded, sampler)
    asked = fitting(sampler, other.info)
    return _array(states(other, source, t, s, steps, sampler=asked, carrier=carrier).x_s)


def _field(loaded: "Loaded", t: float, s: float, window: "Window", sampler: Sampler) -> Seen:
    from engine.explore.fields import fields

    found = fields(loaded, t, s, (window.x, window.y, window.half), PARTS, sampler)
    places = _cut(found.places)
    assert places is not None
    return Seen(places, _cut(found.v), _cut(found.u), _cut(found.exact), t, s)


def _cut(field: "Tensor | None") -> Points | None:
    if field is None or len(field) != PARTS**2:
        return None
    return _array(field).reshape(PARTS, PARTS, 2)


def _known(x: "Tensor | None") -> Points | None:
    return None if x is None else _array(x)


def _array(x: "Tensor") -> Points:
    found: Points = x.numpy()
    return found


def _square(text: str) -> tuple[float, float, float] | None:
    if not text:
        return None
    try:
        x, y, half = (float(number) for number in text.split(","))
    except ValueError:
        raise UserError(f"--window must be X,Y,HALF-A-SIDE, as 0,0,3.5, not {text!r}.") from None
    if not (0 < half < 1e6 and abs(x) < 1e6 and abs(y) < 1e6):  # also for nan
        raise UserError(f"--window must be a square of the plane, not {text!r}.")
    return x, y, half
