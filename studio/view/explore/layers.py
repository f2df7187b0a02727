"""What the particles' plot is made of, for the screen and for SVG alike."""

from collections.abc import Collection, Sequence

from engine.contract.plot import Dots, Lines, jump_layers
from engine.contract.plot import mark_radius as mark_radius
from studio.model.states import Paths, States
from studio.theme.tokens import Tokens

NAMES = ("start", "learned", "exact", "paths")


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
    ends = [None if other is None else other.x_s for other in others]
    return jump_layers(states.x_t, states.x_s, trace, shown, tokens, ends)
