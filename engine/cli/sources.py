"""Options that say where states come from, and the source that they come to."""

from collections.abc import Sequence
from typing import Annotated

import typer

from engine.contract.errors import UserError
from engine.contract.source import Kind, Mix, Moved, Sample, Source, Way

COUNTS = {"points": 2048, "images": 16}  # samples where no number is given

From = Annotated[
    Kind,
    typer.Option(
        "--from", help="noise, carried down by the model; data, mixed with noise; or one sample."
    ),
]
Count = Annotated[
    int | None,
    typer.Option(
        "--count", min=1, max=65536, help="Number of samples, by default 2,048 points, 16 pictures."
    ),
]
Label = Annotated[int, typer.Option(help="Class of the samples; -1 takes all.")]
SampleText = Annotated[
    str,
    typer.Option(
        "--sample",
        help="With --from sample: its number, held-out:NUMBER, picture:NAME or point:X,Y.",
    ),
]
Carried = Annotated[
    bool, typer.Option("--carried", help="Carry the sample, or data, up to t instead of mixing it.")
]
MixText = Annotated[
    str,
    typer.Option("--mix", help="Noise between two or four seeds: 3,4@0.25 or 1,2,3,4@0.25,0.5."),
]
MovedText = Annotated[
    list[str] | None, typer.Option("--moved", help="What is moved in x_t: INDEX@X,Y; any number.")
]

Fan = Annotated[
    bool,
    typer.Option("--fan", help="Start from one noise; what is added on the way tells them apart."),
]


def source_of(
    kind: Kind,
    seed: int,
    count: int,
    label: int,
    sample: str = "",
    carried: bool = False,
    mix: str = "",
    moved: Sequence[str] | None = None,
    fan: bool = False,
) -> Source:
    """What the options say. Raises UserError."""
    one = _sample(sample, carried) if sample or kind == "sample" else None
    if one and kind != "sample":
        raise UserError("--sample goes with --from sample.")
    way: Way = "carried" if carried and kind == "data" else "noised"
    hand = tuple(map(_moved, moved or ()))
    return Source(kind, seed, count, label, _mix(mix) if mix else None, one, hand, way, fan)


def _sample(text: str, carried: bool) -> Sample:
    way: Way = "carried" if carried else "noised"
    word, colon, rest = text.partition(":")
    try:
        match word if colon else "":
            case "held-out":
                return Sample(int(rest), held_out=True, way=way)
            case "picture" if rest:
                return Sample(picture=rest, way=way)
            case "point":
                x, y = _numbers(rest)
                return Sample(point=(x, y), way=way)
        return Sample(int(text or 0), way=way)
    except ValueError:
        raise UserError(
            f"--sample must be a number, held-out:NUMBER, picture:NAME or point:X,Y, not {text!r}."
        ) from None


def _mix(text: str) -> Mix:
    seeds, _, place = text.partition("@")
    try:
        found = tuple(int(seed) for seed in seeds.split(","))
        x, *y = _numbers(place)
        if len(found) not in (2, 4) or len(y) > 1:
            raise ValueError(text)
        return Mix(found, x, *y)
    except ValueError:
        raise UserError(
            f"--mix must be two seeds and a place, as 3,4@0.25, or four, as 1,2,3,4@0.25,0.5, "
            f"not {text!r}."
        ) from None


def _moved(text: str) -> Moved:
    index, _, place = text.partition("@")
    try:
        x, y = _numbers(place)
        return Moved(int(index), x, y)
    except ValueError:
        raise UserError(f"--moved must be INDEX@X,Y, not {text!r}.") from None


def _numbers(text: str) -> list[float]:
    return [float(word) for word in text.split(",")]
