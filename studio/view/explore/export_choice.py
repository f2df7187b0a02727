"""What can be exported of what is in hand, and what a person chose of it."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from engine.contract.maps import MapKind

What = Literal["x_s", "x_t", "picture", "plot", "map", "scrub", "trajectory", "training", "arrays"]
Format = Literal["PNG", "SVG", "GIF", "MP4", "NPZ", "HDF5"]
Setting = Literal[
    "map", "format", "scale", "frames", "steps", "fps", "size", "back", "annotate", "caption"
]
FILMS = ("scrub", "trajectory", "training")
SUFFIXES: dict[Format, str] = {"HDF5": "h5"}


class Offer(NamedTuple):
    """One thing to export: the section it stands in, its title, its formats."""

    section: str
    title: str
    formats: tuple[Format, ...]


_ARRAYS: tuple[Format, ...] = ("NPZ", "HDF5")
_STILLS: dict[str, dict[What, Offer]] = {
    "images": {
        "x_s": Offer("Pictures in sight", "Where we jump, xₛ", ("PNG",)),
        "x_t": Offer("Pictures in sight", "Where we stand, xₜ", ("PNG",)),
        "picture": Offer("Pictures in sight", "One picture of xₛ", ("PNG",)),
    },
    "points": {"plot": Offer("Plot in sight", "The particles", ("SVG", "PNG"))},
}
_REST: dict[What, Offer] = {
    "map": Offer("Map", "Over (t, s)", ("PNG", "SVG", *_ARRAYS)),
    "scrub": Offer("Film", "Scrub: s from t to data", ("GIF", "MP4")),
    "trajectory": Offer("Film", "Trajectory: noise to data", ("GIF", "MP4")),
    "training": Offer("Film", "Training, step by step", ("GIF", "MP4")),
    "arrays": Offer("Numbers", "xₜ and xₛ", _ARRAYS),
}


def offers(kind: str, run: bool, maps: bool) -> dict[What, Offer]:
    """What there is for samples of a kind; of a run its training, and maps where one is known."""
    found = {**_STILLS[kind], **_REST}
    missing = {"training": not run, "map": not maps}
    return {what: offer for what, offer in found.items() if not missing.get(what)}


@dataclass(frozen=True)
class Choice:
    """What is exported, and how. Only some settings count for each; see `settings`."""

    what: What
    format: Format
    scale: int = 4
    annotate: bool = False
    map: MapKind | None = None
    frames: int = 48
    steps: int = 8
    fps: float = 12.0
    size: int = 512
    back: bool = False
    caption: bool = True

    @property
    def by_engine(self) -> bool:
        """Whether the engine makes it, with the command that can be copied."""
        return self.what in (*FILMS, "map") or self.format == "HDF5"

    @property
    def suffix(self) -> str:
        """How the file's name ends."""
        return SUFFIXES.get(self.format, self.format.lower())

    @property
    def seconds(self) -> float:
        """How long a film takes, 0 where that is not known beforehand."""
        count = {"scrub": self.frames, "trajectory": self.steps + 1}.get(self.what, 0)
        return count / self.fps


def settings(what: What, format: Format) -> set[Setting]:
    """The settings that count."""
    found: set[Setting] = {"format"}
    match what:
        case "map":
            found |= {"map", "scale"} if format == "PNG" else {"map"}
        case "scrub":
            found |= {"frames", "fps", "size", "back", "caption"}
        case "trajectory":
            found |= {"steps", "fps", "size", "caption"}
        case "training":
            found |= {"fps", "size", "caption"}
        case _ if format == "PNG":
            found |= {"scale", "annotate"}
    return found
