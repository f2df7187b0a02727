"""What the specs of several methods share.

Times are on the common clock, t in [0, 1] with 0 = data and 1 = noise (docs/architecture.md). There
a logit-normal time is a log-normal sigma: logit t = ln sigma, with the same mean and spread.
"""

from typing import Annotated as A
from typing import Literal

from msgspec import Struct

from engine.contract.schema import described

TimeLaw = Literal["uniform", "logit-normal"]


class Times(Struct, frozen=True, forbid_unknown_fields=True):
    """From which law the training times are drawn."""

    law: A[TimeLaw, described("Law of times", "How training times are drawn.")] = "logit-normal"
    mean: A[
        float,
        described(
            "Mean of the logit",
            "Where most times lie: below 0 nearer to data, above 0 nearer to noise.",
            low=-5.0,
            high=5.0,
            shown_when=("law", "logit-normal"),
        ),
    ] = -0.4
    spread: A[
        float,
        described(
            "Spread of the logit",
            "How widely times scatter around the mean.",
            low=0.05,
            high=5.0,
            shown_when=("law", "logit-normal"),
        ),
    ] = 1.0


class Teacher(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the velocity comes from that a student is taught."""

    source: A[
        str,
        described(
            "Teacher",
            "A run, a model, or exact for a point set whose flow is known; "
            "empty: a flow-matching teacher is trained first.",
            empty="trained first",
        ),
    ] = ""
    steps: A[
        int,
        described(
            "Steps of the teacher",
            "Updates of the teacher that is trained first.",
            low=1,
            high=100_000_000,
            shown_when=("source", ""),
        ),
    ] = 2000
    start: A[
        bool,
        described(
            "Start from the teacher",
            "Give the student the teacher's weights at first, where the networks are the same.",
        ),
    ] = True
    times: A[
        Times, described("Times of the teacher", "From which law the teacher's times are drawn.")
    ] = Times(mean=0.0, spread=1.6)
