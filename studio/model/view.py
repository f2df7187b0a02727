"""Everything that a person chose on the page Explore: what undo and the next start go back to."""

from typing import Annotated

from msgspec import Meta, Struct

from engine.contract.maps import MapKind
from engine.contract.messages import Sampler, Source

Time = Annotated[float, Meta(ge=0, le=1)]


class View(Struct, frozen=True):
    """A model, where it is asked and how; `beside` names what stands beside it."""

    model: str = ""
    t: Time = 1.0
    s: Time = 0.0
    steps: Annotated[int, Meta(ge=1, le=1024)] = 1
    shares: tuple[Time, ...] = ()
    sampler: Sampler = Sampler()
    source: Source = Source()
    map: MapKind | None = None
    middle: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    beside: tuple[str, ...] = ()
