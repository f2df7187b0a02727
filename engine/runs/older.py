"""Specs of runs that an older version of this program wrote, brought up to this one's fields.

Only what is read is changed, never a file. A run's own spec.toml names every field, so that one
which is missing tells of a version that did not have it.
"""

from typing import Any

# What a method without the field was, by its kind: not what a new run's default would be.
ONCE: dict[str, dict[str, Any]] = {
    "imf": {"velocity_head": "boundary"},
    "ctm": {"gan_labels": False, "augmentation": {"shift": 0.0, "cutout": 0.0, "flip": 0.0}},
}


def brought_up(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a run's spec.toml with what they meant when it was written."""
    method = values.get("method")
    if not isinstance(method, dict):
        return values
    return values | {"method": ONCE.get(str(method.get("kind")), {}) | method}
