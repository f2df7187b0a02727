"""Maps over (t, s): a number for each place, from the same samples everywhere."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from msgspec import structs
from torch import Tensor

from engine.contract.errors import UserError
from engine.contract.maps import Probed, map_problem
from engine.contract.messages import Sampler, Source
from engine.explore.derivatives import derivatives_ready
from engine.explore.draws import start
from engine.explore.jumps import carry_steps, check_times, go
from engine.explore.models import Loaded
from engine.explore.probes import defect, residual, squares
from engine.explore.truth import Truth, truth
from engine.explore.ways import Abandoned, Wanted, interruptible, way
from engine.flow.clock import Time
from engine.flow.paths import Linear

CELLS = 4096  # places of one question at most
ODE = {1: 32, 3: 12}  # steps of a velocity over [0, 1], by the dimensions of a sample
_PIECE = {1: 8192, 3: 64}  # samples that are differentiated at a time, by the dimensions of one


class Measured(NamedTuple):
    """Root mean squares [k], one for each place; `nothing` [k] is what staying at x_t scores.

    `nothing` is empty where that says nothing. `memorises`: the truth is that of a finite set.
    """

    values: Tensor
    nothing: Tensor
    memorises: bool = False


class _Places(NamedTuple):
    """Samples at every place, one after the other: states, times and labels, [k n, ...]."""

    x_t: Tensor
    t: Tensor
    s: Tensor
    label: Tensor | None
    each: int

    def rms(self, square: Tensor) -> Tensor:
        """Root mean squares [k] of squares per sample [k n]."""
        return square.reshape(-1, self.each).mean(1).sqrt()


def measured(
    loaded: Loaded,
    kind: Probed,
    source: Source,
    cells: Sequence[tuple[float, float]],
    middle: float = 0.5,
    other: Loaded | None = None,
    wanted: Wanted = lambda: True,
) -> Measured:
    """The map `kind` of a model at the places `cells`, each (t, s).

    x_t stands on the true trajectories where they are known and wanted, else it is data mixed with
    noise: both have the law of the flow at t. `middle` cuts the jumps of the semigroup defect.
    Raises UserError for what cannot be measured, Abandoned when it is not `wanted` any more.
    """
    if problem := map_problem(kind, loaded.info, other.info if other else None):
        raise UserError(problem)
    _check(cells, middle)
    true = truth(loaded, source) if _needs_truth(loaded, kind) else None
    places = _places(loaded, source, cells, true, wanted)
    nothing, memorises = torch.empty(0), bool(true and true.memorises)
    match kind:
        case "error":
            assert true is not None
            ends = torch.cat([true.at(s, wanted) for _, s in cells])
            square = squares(_jumped(loaded, places, wanted) - ends)
            nothing = places.rms(squares(places.x_t - ends))
        case "distance":
            assert other is not None
            square = squares(_jumped(loaded, places, wanted) - _jumped(other, places, wanted))
        case "defect":

            def jump(x: Tensor, t: Time, s: Time) -> Tensor:
                return _moved(loaded, x, t, s, places.label, wanted)

            between = places.s + middle * (places.t - places.s)
            if loaded.info.capability == "dyadic":  # it knows no times but those of its grid
                between = (between * loaded.info.grid.parts).round() / loaded.info.grid.parts
            square = defect(jump, places.x_t, places.t, places.s, between)
        case _:
            derivatives_ready(wanted)
            square = _residuals(loaded, source, places, kind, true, wanted)
    return Measured(places.rms(square), nothing, memorises)


def _needs_truth(loaded: Loaded, kind: Probed) -> bool:
    """An error always does; the rest takes what is known in closed form, which costs little."""
    return kind == "error" or (kind != "residual-data" and loaded.info.data.exact)


def _places(
    loaded: Loaded,
    source: Source,
    cells: Sequence[tuple[float, float]],
    true: Truth | None,
    wanted: Wanted,
) -> _Places:
    if true:
        label = start(loaded, source).label
        at = {t: true.at(t, wanted) for t, _ in sorted(cells, reverse=True)}
    else:
        noise, data, label = start(loaded, structs.replace(source, kind="data"))
        assert data is not None
        at = {t: Linear().mix(data, noise, t) for t, _ in cells}
    count, x_t = source.count, torch.cat([at[t] for t, _ in cells])
    times = torch.tensor(cells, dtype=x_t.dtype).repeat_interleave(count, 0)
    labels = None if label is None else label.repeat(len(cells))
    return _Places(x_t, times[:, 0], times[:, 1], labels, count)


def _jumped(loaded: Loaded, places: _Places, wanted: Wanted) -> Tensor:
    label = places.label if loaded.classes else None
    return _moved(loaded, places.x_t, places.t, places.s, label, wanted)


def _moved(
    loaded: Loaded, x: Tensor, t: Time, s: Time, label: Tensor | None, wanted: Wanted
) -> Tensor:
    """A jump, in as many steps as the model needs for one of this length."""
    gap = float((torch.as_tensor(t) - torch.as_tensor(s)).abs().max())
    steps = min(carry_steps(loaded, gap), max(1, math.ceil(ODE[x.ndim - 1] * gap)))
    taken = interruptible(way(loaded, t, s, steps, _plain(loaded)), wanted)
    return go(loaded, taken, x, label)


def _plain(loaded: Loaded) -> Sampler:
    """Without guidance, as the truth is, where a model lets that be chosen."""
    return Sampler(guidance=1.0) if loaded.info.guidance else Sampler()


def _residuals(
    loaded: Loaded,
    source: Source,
    places: _Places,
    kind: Probed,
    true: Truth | None,
    wanted: Wanted,
) -> Tensor:
    """Squares [k n] with the velocity of single samples, the true one, or else the model's own."""
    x_t, t, s, label, _ = places
    if kind == "residual-data":
        noise, data, _ = start(loaded, structs.replace(source, kind="data"))
        assert data is not None
        v = (noise - data).repeat(len(x_t) // len(noise), *[1] * (x_t.ndim - 1))
    elif true:
        v = true.oracle.v(x_t, t)
    else:
        v = torch.empty_like(x_t)
    found, size, network = (
        [],
        _PIECE[x_t.ndim - 1],
        way(loaded, 1.0, 0.0, sampler=_plain(loaded)).flow_map.network,
    )
    for at in range(0, len(x_t), size):
        if not wanted():
            raise Abandoned
        rows = slice(at, at + size)
        own = None if label is None else label[rows].to(loaded.device)
        x, when, to, along = (a[rows].to(loaded.device) for a in (x_t, t, s, v))
        with torch.inference_mode(False), torch.no_grad():
            if kind == "residual" and not true:
                along = network(x, when, when, own)
            found.append(residual(network, x, when, to, along, own).cpu())
    return torch.cat(found)


def _check(cells: Sequence[tuple[float, float]], middle: float) -> None:
    if not 1 <= len(cells) <= CELLS:
        raise UserError(f"A map is asked for 1 to {CELLS} places at a time, not {len(cells)}.")
    for t, s in cells:
        check_times(t, s, 1)
    if not 0 < middle < 1:
        raise UserError(f"The middle must lie between 0 and 1, not {middle:g}.")
