"""Fields as lines: arrows, and the mesh that a jump makes of an even one."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from studio.export.plot import Lines
from studio.model.field_model import FieldKind, Seen
from studio.theme.tokens import Tokens

_LONGEST = 0.9  # of the gap between two places
_HEAD, _WIDE = 0.3, 0.55  # of an arrow: the length of its head, and half its width to that

FIELDS: dict[FieldKind, tuple[str, str]] = {
    "v": ("Velocity v", "Where x_t is heading now; the exact velocity in its own colour beside it"),
    "u": ("Average velocity u", "The straight way from x_t to x_s over the time that it takes"),
    "mesh": ("Mesh", "What the jump from t to s makes of an even mesh"),
}


def field_layers(
    seen: Seen | None, wanted: Collection[FieldKind], exact: bool, tokens: Tokens
) -> list[Lines]:
    """The layers from back to front; `exact` is drawn where it is known and in sight."""
    if seen is None:
        return []
    made = []
    if "mesh" in wanted and seen.u is not None:
        made.append(Lines("mesh", mesh(seen), tokens.muted, 1.0, 0.8))
    fields = {}
    if "v" in wanted:
        fields["exact velocity"] = (seen.exact if exact else None, tokens.models[1], 0.8)
        fields["velocity"] = (seen.v, tokens.models[0], 0.9)
    if "u" in wanted:
        fields["average velocity"] = (seen.u, tokens.models[2], 0.9)
    known = [field for field, _, _ in fields.values() if field is not None]
    most = max((float(np.hypot(f[..., 0], f[..., 1]).max()) for f in known), default=0.0)
    for name, (field, colour, opacity) in fields.items():
        if field is not None and most > 0:
            made.append(Lines(name, arrows(seen.places, field, most), colour, 1.2, opacity))
    return made


def arrows(
    places: NDArray[np.float32], field: NDArray[np.float32], most: float
) -> NDArray[np.float32]:
    """Arrows from the places [p, p, 2] as lines [5, p p, 2]; the longest fits between two."""
    gap = float(places[0, 1, 0] - places[0, 0, 0])
    start = places.reshape(-1, 2)
    way = field.reshape(-1, 2) * np.float32(_LONGEST * gap / most)
    tip, across = start + way, way[:, ::-1] * np.array((-1, 1), np.float32)
    neck = tip - np.float32(_HEAD) * way
    wide = np.float32(_HEAD * _WIDE) * across
    return np.stack((start, tip, neck + wide, tip, neck - wide))


def mesh(seen: Seen) -> NDArray[np.float32]:
    """Lines [p, 2 p, 2] of the even mesh of places, each moved by the jump."""
    assert seen.u is not None
    ends = seen.places + np.float32(seen.s - seen.t) * seen.u
    return np.concatenate((ends, ends.swapaxes(0, 1)), 1)
