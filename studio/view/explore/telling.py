"""A jump in one line of words."""

from studio.model.companions import Companion
from studio.model.states import States
from studio.view.words import plural


def caption(states: States) -> str:
    """The jump in one line."""
    noun = "point" if states.x_s.ndim == 2 else "picture"
    outside = " · outside the trained triangle" if states.outside else ""
    return (
        f"xₜ → xₛ   {states.t:.3f} → {states.s:.3f} · {plural(len(states.x_s), noun)} · "
        f"{states.nfe:,} NFE · {states.ms:.1f} ms{outside}"
    )


def gap_text(other: Companion) -> str:
    """How far a companion's ends are from those of the model in hand (rms), in one line."""
    return other.problem or ("" if other.gap is None else f"{other.gap:.3f} apart")
