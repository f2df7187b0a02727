"""Methods that learn a jump from two shorter ones; none needs more than plain passes to do so."""

from typing import Annotated as A
from typing import Literal

from msgspec import Struct

from engine.contract.methods.common import Times
from engine.contract.schema import described


class PSD(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="psd"):
    """Progressive self-distillation (arXiv 2505.18825), SplitMeanFlow (arXiv 2507.16884)."""

    share_off_diagonal: A[
        float,
        described(
            "Share with s < t",
            "Share of samples that learn a real jump; the others learn the velocity at s = t.",
            low=0.0,
            high=1.0,
        ),
    ] = 0.25
    middle: A[
        Literal["midpoint", "uniform"],
        described("Split at", "Where a jump is cut in two: halfway, or anywhere."),
    ] = "midpoint"
    times: A[Times, described("Times", "From which law the training times are drawn.")] = Times(
        "uniform"
    )


class Shortcut(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="shortcut"):
    """Steps of halving length on a grid (arXiv 2410.12557)."""

    share_of_shortcuts: A[
        float,
        described(
            "Share of shortcuts",
            "Share of samples that learn a step from two of half its length; "
            "the others learn the smallest step from data.",
            low=0.0,
            high=1.0,
        ),
    ] = 0.125
    halvings: A[
        int,
        described(
            "Halvings",
            "The smallest step is 1 / 2^n of the way from noise to data.",
            low=1,
            high=12,
        ),
    ] = 7
    decay: A[
        float,
        described(
            "Decay of the target",
            "Share of itself that the average keeps at each step which makes the targets.",
            low=0.0,
            high=0.999999,
        ),
    ] = 0.999
    clip: A[
        float,
        described(
            "Clip",
            "States and velocities in a target stay within plus and minus this; 0 turns it off.",
            low=0.0,
            high=1e6,
            advanced=True,
        ),
    ] = 4.0


class AlphaFlow(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="alphaflow"):
    """From trajectory flow matching to MeanFlow (arXiv 2510.20771)."""

    share_off_diagonal: A[
        float,
        described(
            "Share with s < t",
            "Share of samples that learn a real jump; the others learn the velocity at s = t.",
            low=0.0,
            high=1.0,
        ),
    ] = 0.5
    start: A[
        float,
        described(
            "Anneal from",
            "Share of the training after which alpha begins to fall from 1.",
            low=0.0,
            high=1.0,
        ),
    ] = 0.0
    end: A[
        float,
        described(
            "Anneal until",
            "Share of the training after which alpha stands at its floor.",
            low=0.0,
            high=1.0,
        ),
    ] = 1.0
    steepness: A[
        float,
        described("Steepness", "How steeply alpha falls.", low=0.1, high=1000.0, advanced=True),
    ] = 25.0
    clamp: A[
        float,
        described(
            "Clamp",
            "Nearer to 0 or to 1 than this, alpha is the floor or 1.",
            low=0.0,
            high=0.49,
            advanced=True,
        ),
    ] = 0.005
    floor: A[
        float,
        described(
            "Floor",
            "Least alpha; at 0 the training ends as MeanFlow, above 0 it needs no derivative.",
            low=0.0,
            high=1.0,
        ),
    ] = 0.0
    adaptive_power: A[
        float,
        described(
            "Adaptive power p",
            "Weight alpha^(2 p - 1) / (error + c)^p per sample. "
            "Keep 0 for points: there p > 0 is biased.",
            low=0.0,
            high=2.0,
        ),
    ] = 1.0
    adaptive_offset: A[
        float,
        described(
            "Adaptive offset c",
            "The c in the weight.",
            low=1e-8,
            high=1.0,
            logarithmic=True,
            advanced=True,
        ),
    ] = 1e-3
    clip: A[
        float,
        described(
            "Clip",
            "Targets made with the network stay within plus and minus this; 0 turns it off.",
            low=0.0,
            high=1e6,
            advanced=True,
        ),
    ] = 4.0
    times: A[Times, described("Times", "From which law the training times are drawn.")] = Times()


SplittingMethod = PSD | Shortcut | AlphaFlow
