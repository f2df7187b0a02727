"""What the particles' plot is made of, for the screen and for SVG alike."""

import math
from collections.abc import Collection, Sequence

from studio.export.plot import Dots, Lines
from studio.model.states import Paths, States
from studio.theme.tokens import Tokens, companion_colour

NAMES = ("start", "learned", "exact", "paths")
_RINGS = 512  # more would hide what they are compared with


def layers(
    states: States,
    trace: Paths | None,
    shown: Collection[str],
    tokens: Tokens,
    others: Sequence[States | None] = (),
) -> list[Dots | Lines]:
    """The layers from back to front; `shown` names those that are switched on.

    `others` are what the models beside the one in hand make of the same samples.
    """
    learned, exact = tokens.models[0], tokens.models[1]
    radius = mark_radius(len(states.x_s))
    made: list[Dots | Lines] = []
    if "start" in shown:
        made.append(Dots("start", states.x_t, tokens.muted, radius * 0.7, 0.35))
    if trace is not None and "paths" in shown:
        if "exact" in shown and trace.exact is not None:
            made.append(Lines("exact paths", trace.exact, exact, 1.0, 0.55))
        made.append(Lines("paths", trace.learned, learned, 1.0, 0.7))
    for place, other in enumerate(others):
        if other is not None and "learned" in shown and other.x_s.shape == states.x_s.shape:
            colour = companion_colour(tokens, place)
            made.append(Dots(f"companion {place + 1}", other.x_s, colour, radius, 0.7))
    if "learned" in shown:
        made.append(Dots("learned", states.x_s, learned, radius, 0.85))
    if trace is not None and trace.exact_x_s is not None and "exact" in shown:
        rings = trace.exact_x_s[:_RINGS]
        made.append(Dots("exact", rings, exact, max(3.0, radius + 1.0), 0.9, hollow=True))
    return made


def mark_radius(count: int) -> float:
    """Radius of a mark: smaller, the more there are."""
    return min(2.6, max(0.5, 2.1 * math.pow(2048 / max(1, count), 0.22)))
