"""Maps over (t, s): one number for each place of the pad, and what it does and does not prove."""

from typing import Literal

from msgspec import Struct

from engine.contract.catalogue import Model

SMALL = 5000  # pictures of a set whose empirical flow can be followed
PARTS = {"points": 24, "images": 12}  # places along a side of a map that is measured
SAMPLES = {"points": 256, "images": 8}  # at each place
LOSS_PARTS = 24  # parts of t, and of s, in which a training gathers its loss
LOSS_HALF_LIFE = 500  # updates after which a sample of it counts half
Probed = Literal["error", "defect", "residual", "residual-data", "distance"]
MapKind = Probed | Literal["loss"]


class MapInfo(Struct, frozen=True):
    """A map: `title` names it (`short` where there is little room), `meaning` says what is
    measured, `zero` what zero proves.
    """

    kind: MapKind
    title: str
    short: str
    meaning: str
    zero: str


MAPS = (
    MapInfo(
        "error",
        "Error against the truth",
        "Error",
        "Distance between where the model jumps and where the true flow goes, root mean square.",
        "Zero is right: the model is the exact map there.",
    ),
    MapInfo(
        "defect",
        "Semigroup defect",
        "Defect",
        "Distance between one jump and the same way in two jumps, cut at the middle time.",
        "Zero proves only that the model agrees with itself: a model that never moves has it too.",
    ),
    MapInfo(
        "residual",
        "Identity residual, marginal v",
        "Residual",
        "How far u is from v + (s - t) du/dt, with the velocity v of the whole flow.",
        "Zero with the true v is right; with the model's own v it proves that it agrees with it.",
    ),
    MapInfo(
        "residual-data",
        "Identity residual, data's v",
        "Data residual",
        "The same with v = noise - data of single samples, as the training sees it.",
        "It is never zero: what is left at best is the variance of v, not an error.",
    ),
    MapInfo(
        "distance",
        "Distance to another model",
        "Distance",
        "Distance between the jumps of two models from the same state, root mean square.",
        "Zero proves that both do the same, not that it is right.",
    ),
    MapInfo(
        "loss",
        "Training loss, and where it trains",
        "Training loss",
        "Mean square error of the training's own regression, before any weight, of the network as "
        f"it trains; a step counts half after {LOSS_HALF_LIFE} more.",
        "Zero proves nothing by itself: single samples scatter, so the best map has loss left, and "
        "one that only agrees with itself may have none. Larger dots are trained more often, "
        "hatched places never.",
    ),
)


def map_info(kind: MapKind) -> MapInfo:
    """The map of that kind."""
    return next(found for found in MAPS if found.kind == kind)


def loss_cells() -> tuple[tuple[float, float], ...]:
    """The middles (t, s) of the parts in which a training gathers its loss, in its order."""
    middles = [(k + 0.5) / LOSS_PARTS for k in range(LOSS_PARTS)]
    return tuple((t, s) for t in middles for s in middles)


def map_problem(kind: MapKind, model: Model, other: Model | None = None) -> str:
    """Why this map cannot be drawn of a model, one sentence; "" where it can."""
    capability = model.capability
    if kind == "error" and model.data.kind == "points" and not model.data.exact:
        return f"The true flow of {model.data.title} is not known."
    if kind == "error" and model.data.kind == "images" and model.data.count > SMALL:
        return f"{model.data.title} has too many pictures for the flow of all of them."
    if kind == "defect" and capability == "endpoint":
        return "A model of endpoints knows no jump that could be cut in two."
    if kind in ("residual", "residual-data") and capability != "flow map":
        return "Only a flow map has an average velocity for every jump."
    if kind == "distance" and (other is None or other.name == model.name):
        return "Add another model to compare with."
    if kind == "distance" and other is not None and other.data.shape != model.data.shape:
        return f"{other.title} is of another shape than {model.title}."
    if kind == "distance" and other is not None and other.data.labels != model.data.labels:
        return f"{other.title} knows other labels than {model.title}."
    return ""


def map_parts(model: Model, parts: int) -> int:
    """Places along a side of a map: of a dyadic model as many as lie on its grid."""
    if model.capability != "dyadic":
        return parts
    return min(1 << (parts.bit_length() - 1), model.grid.parts)


def map_cells(model: Model, parts: int) -> tuple[tuple[float, float], ...]:
    """The times (t, s), s <= t, of a map of about `parts` x `parts` places that a model knows.

    Each place is asked in its middle; a dyadic model on its own grid, and an endpoint at s = 0.
    """
    size = map_parts(model, parts)
    middles = [(k + 0.5) / size for k in range(size)]
    if model.capability == "endpoint":
        return tuple((t, 0.0) for t in middles)
    if model.capability == "dyadic":
        middles = [k / size for k in range(size + 1)]
    return tuple((t, s) for t in middles for s in middles if s <= t)
