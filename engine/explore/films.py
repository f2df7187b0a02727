"""The states that a film shows, one frame after the other."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from msgspec import structs
from torch import Tensor

from engine.contract.errors import UserError
from engine.contract.films import FRAMES, STEPS, Film, places, sampler_at
from engine.contract.legality import snapped
from engine.contract.messages import Sampler
from engine.explore.draws import start
from engine.explore.jumps import Again, States, check_times, go, state_at, states
from engine.explore.keeping import kept
from engine.explore.models import Loaded, load_model
from engine.explore.ways import Way, way
from engine.flow.clock import Time
from engine.hub.workspace import past_run


class Shot(NamedTuple):
    """A frame: the states on the CPU, which jump it is, of which step of the training.

    `x_t` is where the jump began, None where the state itself is on its way.
    """

    x_t: Tensor | None
    x_s: Tensor
    t: float
    s: float
    nfe: int
    step: int


def shots(loaded: Loaded, name: str, film: Film) -> tuple[int, Iterator[Shot]]:
    """How many frames a film has, and the frames. Raises UserError, also while they are made."""
    check_times(film.t, film.s, film.steps)
    _check_shares(film, loaded)
    match film.kind:
        case "scrub":
            found = places(film, loaded.info)
            return _counted(found, (_shot(loaded, film, t, s) for t, s in found))
        case "trajectory":
            times, made = _trajectory(loaded, film)
            return _counted(times, made)
        case "training":
            steps = kept_steps(name, loaded.workspace)
            return _counted(steps, _training(loaded, run_name(name), film, steps))


def _check_shares(film: Film, loaded: Loaded) -> None:
    if not film.shares:
        return
    whole = (0.0, *film.shares, 1.0)
    rising = all(a < b for a, b in pairwise(whole))  # also for nan
    if not rising or len(film.shares) != film.steps - 1:
        raise UserError(
            f"{film.steps} steps pass {film.steps - 1} times: give as many shares of the way, "
            "rising between 0 and 1."
        )
    if loaded.info.capability == "dyadic":
        raise UserError(f"{loaded.info.name} knows the times of its grid alone; leave out shares.")


def run_name(name: str) -> str:
    """The run of a model that is called RUN@STEP, else its own name."""
    run, _, step = name.rpartition("@")
    return run if run and step.isdecimal() else name


def kept_steps(name: str, workspace: Path) -> list[int]:
    """The steps of a run whose weights can be looked at, oldest first. Raises UserError."""
    try:
        folder = past_run(run_name(name), workspace)
    except UserError:
        raise UserError(
            f"{name} is no run, and only a run has a film of its training; choose a run."
        ) from None
    found = folder.kept()
    if not found:
        raise UserError(f"{name} has kept no step yet; save it now or wait for the next one.")
    return found


def _counted(found: Sequence[object], made: Iterator[Shot]) -> tuple[int, Iterator[Shot]]:
    if len(found) > FRAMES:
        raise UserError(f"A film has {FRAMES} frames at most, not {len(found)}.")
    return len(found), made


def _shot(loaded: Loaded, film: Film, t: float, s: float) -> Shot:
    sampler = sampler_at(film, t, s)
    found = states(loaded, film.source, t, s, film.steps, sampler=sampler)
    return _of(found, t, s, loaded.info.step)


def _of(found: States, t: float, s: float, step: int) -> Shot:
    return Shot(found.x_t, found.x_s, t, s, found.nfe, step)


def _trajectory(loaded: Loaded, film: Film) -> tuple[list[float], Iterator[Shot]]:
    """The state after each step of one jump in `steps` steps; the last is the jump's own end."""
    if film.steps > STEPS:
        raise UserError(f"A trajectory has {STEPS} steps at most, not {film.steps}.")
    taken = way(loaded, film.t, film.s, film.steps, sampler_at(film, film.t, film.s))
    times = [float(time) for time in taken.times]
    return times, _passed(loaded, film, taken, times)


def _passed(loaded: Loaded, film: Film, taken: Way, times: list[float]) -> Iterator[Shot]:
    x_t = state_at(loaded, film.source, film.t, guides=film.sampler.guides())
    label, again = start(loaded, film.source).label, Again(film.source.seed)
    known = kept(loaded, film.source, film.sampler)
    step = loaded.info.step
    yield Shot(None, x_t, times[0], times[0], 0, step)
    # A solver with a memory, and noise that is numbered by its step, must begin at the beginning.
    alone = taken.gamma == 0 and film.sampler.solver != "dpm++2m"
    x, nfe = x_t, 0
    for k, (before, after) in enumerate(pairwise(taken.times)):
        part = _part(taken, (before, after) if alone else taken.times[: k + 2])
        x = go(loaded, part, x if alone else x_t, label, again=again, known=known)
        nfe = nfe + part.nfe if alone else part.nfe
        yield Shot(None, x, times[0], times[k + 1], nfe, step)


def _part(taken: Way, times: Sequence[Time]) -> Way:
    return Way(taken.flow_map, [*times], taken.gamma, taken.asks)


def _training(loaded: Loaded, run: str, film: Film, steps: list[int]) -> Iterator[Shot]:
    """The jump as each step makes it; what is thinned out meanwhile is left out."""
    for step in steps:
        try:
            then = load_model(f"{run}@{step}", loaded.workspace)
        except UserError:
            if step in kept_steps(run, loaded.workspace):
                raise
            continue
        t, s, asked = film.t, film.s, film
        if then.info.capability != loaded.info.capability:  # still its teacher: it is asked plainly
            asked = structs.replace(film, sampler=Sampler(), shares=())
        if then.info.capability == "dyadic":
            t, s = (snapped(time, then.info.grid) for time in (t, s))
        yield _shot(then, asked, t, s)
