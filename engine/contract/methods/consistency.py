"""Methods that learn where a trajectory ends, from pairs of times on it.

Their papers count noise in sigma, the noise-to-signal ratio, and so do these fields.
"""

from typing import Annotated as A
from typing import Literal

from msgspec import Struct

from engine.contract.methods.common import Teacher
from engine.contract.schema import described

Distance = A[
    Literal["squared", "norm", "pseudo-huber"],
    described(
        "Distance",
        "How two answers are compared. Keep squared for points: there the others are biased.",
    ),
]
Huber = A[
    float,
    described(
        "Pseudo-Huber scale",
        "The c of sqrt(error + c^2) - c, divided by the root of the sample's dimensions.",
        low=1e-8,
        high=1e3,
        logarithmic=True,
        advanced=True,
        shown_when=("distance", "pseudo-huber"),
    ),
]
Weight = A[
    Literal["uniform", "inverse-gap"],
    described("Weight", "uniform counts all pairs alike; inverse-gap divides by the gap in sigma."),
]
Mean = A[
    float,
    described(
        "Mean of log sigma",
        "Where most times lie: lower is nearer to data, higher nearer to noise.",
        low=-5.0,
        high=5.0,
    ),
]
Spread = A[
    float,
    described(
        "Spread of log sigma", "How widely times scatter around the mean.", low=0.05, high=5.0
    ),
]


class Grid(Struct, frozen=True, forbid_unknown_fields=True):
    """The levels of noise between which pairs are neighbours (arXiv 2206.00364, eq. 5)."""

    sigma_min: A[
        float,
        described(
            "Lowest sigma",
            "Noise at which a sample counts as data.",
            low=1e-5,
            high=0.5,
            logarithmic=True,
            advanced=True,
        ),
    ] = 0.002
    sigma_max: A[
        float,
        described(
            "Highest sigma",
            "Noise at which sampling starts.",
            low=1.0,
            high=1e4,
            logarithmic=True,
            advanced=True,
        ),
    ] = 80.0
    rho: A[
        float,
        described(
            "Exponent rho",
            "1 spaces sigma evenly; higher puts more levels near the data.",
            low=1.0,
            high=100.0,
            advanced=True,
        ),
    ] = 7.0


GridField = A[Grid, described("Grid", "The levels of noise that are trained.")]


class CD(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="cd"):
    """Consistency distillation: one step of a teacher joins the pair (arXiv 2303.01469)."""

    teacher: A[Teacher, described("Teacher", "Whose trajectories are distilled.")] = Teacher()
    solver: A[
        Literal["heun", "euler"],
        described("Solver", "Heun asks the teacher twice a pair and is the more exact."),
    ] = "heun"
    points: A[
        int,
        described("Levels of noise", "Points of the grid, N in the paper.", low=2, high=10_000),
    ] = 18
    decay: A[
        float,
        described(
            "Decay of the target",
            "Share of itself that the target keeps at each step; 0: the target is the student.",
            low=0.0,
            high=0.9999,
        ),
    ] = 0.0
    distance: Distance = "squared"
    huber: Huber = 0.00054
    weight: Weight = "uniform"
    grid: GridField = Grid()


class CT(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="ct"):
    """Consistency training on a growing grid, without a teacher (arXiv 2303.01469)."""

    first: A[
        int,
        described("Levels at the start", "s0 of the growing grid.", low=2, high=10_000),
    ] = 2
    last: A[
        int,
        described("Levels at the end", "s1 of the growing grid.", low=2, high=10_000),
    ] = 150
    decay: A[
        float,
        described(
            "First decay of the target",
            "Share of itself that the target keeps at each step at first; it rises with the grid.",
            low=0.0,
            high=0.9999,
        ),
    ] = 0.9
    distance: Distance = "squared"
    huber: Huber = 0.00054
    weight: Weight = "uniform"
    grid: GridField = Grid()


class ICT(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="ict"):
    """Improved consistency training on a doubling grid (arXiv 2310.14189)."""

    first: A[
        int,
        described("Gaps at the start", "s0 of the doubling grid.", low=1, high=10_000),
    ] = 10
    last: A[
        int,
        described("Gaps at the end", "s1 of the doubling grid.", low=1, high=100_000),
    ] = 1280
    mean: Mean = -1.1
    spread: Spread = 2.0
    distance: Distance = "pseudo-huber"
    huber: Huber = 0.00054
    weight: Weight = "inverse-gap"
    grid: GridField = Grid()


class ECM(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="ecm"):
    """Easy consistency tuning: from diffusion to consistency in stages (arXiv 2406.14548)."""

    stages: A[
        int,
        described("Stages", "How often the gap shrinks during training.", low=1, high=64),
    ] = 8
    factor: A[
        float,
        described("Factor q", "By how much each stage shrinks the gap.", low=1.1, high=1e5),
    ] = 2.0
    widening: A[
        float,
        described(
            "Widening k",
            "How much wider the gap is at low noise, relative to sigma.",
            low=0.0,
            high=1e3,
            advanced=True,
        ),
    ] = 8.0
    steepness: A[
        float,
        described(
            "Steepness b",
            "How fast the widening fades as sigma grows.",
            low=0.0,
            high=1e3,
            advanced=True,
        ),
    ] = 1.0
    mean: Mean = -1.1
    spread: Spread = 2.0
    distance: Distance = "norm"
    huber: Huber = 0.00054
    weight: Weight = "inverse-gap"


ConsistencyMethod = CD | CT | ICT | ECM
