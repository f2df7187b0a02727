"""A jump, and who made it, in a few words."""

from engine.contract.catalogue import Model
from studio.model.catalogue_model import CatalogueModel
from studio.model.companions import ORIGIN, TRUTH, Companion
from studio.model.states import States
from studio.view.words import plural

_NO_MODELS = {TRUTH: "True flow", ORIGIN: "The data"}


def caption(states: States) -> str:
    """The jump in one line."""
    noun = "point" if states.x_s.ndim == 2 else "picture"
    outside = " · outside the trained triangle" if states.outside else ""
    return (
        f"xₜ → xₛ   {states.t:.3f} → {states.s:.3f} · {plural(len(states.x_s), noun)} · "
        f"{states.nfe:,} NFE · {states.ms:.1f} ms{outside}"
    )


def method_title(model: Model, catalogue: CatalogueModel) -> str:
    """What a model is called among others: its method."""
    if model.name in _NO_MODELS:
        return _NO_MODELS[model.name]
    method = catalogue.method(model.method)
    return method.title if method else model.method


def gap_text(other: Companion) -> str:
    """How far a companion's ends are from those of the model in hand (rms), in one line."""
    return other.problem or ("" if other.gap is None else f"{other.gap:.3f} apart")
