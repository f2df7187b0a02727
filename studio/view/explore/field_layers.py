"""Fields over the plane, as they are named to a person."""

from engine.contract.plot import field_layers as field_layers
from studio.model.field_model import FieldKind

FIELDS: dict[FieldKind, tuple[str, str]] = {
    "v": ("Velocity v", "Where x_t is heading now; the exact velocity in its own colour beside it"),
    "u": ("Average velocity u", "The straight way from x_t to x_s over the time that it takes"),
    "mesh": ("Mesh", "What the jump from t to s makes of an even mesh"),
}
