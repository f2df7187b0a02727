"""The method that learns every jump along a teacher's trajectory, with two more losses beside."""

from typing import Annotated as A
from typing import Literal

from msgspec import Struct

from engine.contract.methods.common import Teacher, Times
from engine.contract.methods.consistency import Distance, Grid, GridField, Huber
from engine.contract.schema import described


class Augmentation(Struct, frozen=True, forbid_unknown_fields=True):
    """How pictures are changed before a discriminator judges them (arXiv 2006.10738)."""

    shift: A[
        float,
        described(
            "Shift",
            "How far pictures are moved at most, as a share of their side.",
            low=0.0,
            high=0.5,
            advanced=True,
        ),
    ] = 0.125
    cutout: A[
        float,
        described(
            "Cover",
            "Side of the square that is hidden, as a share of the picture's.",
            low=0.0,
            high=0.9,
            advanced=True,
        ),
    ] = 0.5
    flip: A[
        float,
        described(
            "Mirror",
            "Share of pictures that are mirrored; the nearer to a half, the less it matters "
            "which way round samples are.",
            low=0.0,
            high=0.5,
            advanced=True,
        ),
    ] = 0.0


class CTM(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="ctm"):
    """Consistency trajectory model: any jump along a teacher's trajectory (arXiv 2310.02279)."""

    teacher: A[Teacher, described("Teacher", "Whose trajectories are distilled.")] = Teacher()
    self_taught: A[
        bool,
        described(
            "Teach itself",
            "Follow the velocity of the student's own average, without a teacher.",
        ),
    ] = False
    points: A[
        int,
        described("Levels of noise", "Points of the grid, N in the paper.", low=2, high=1000),
    ] = 18
    max_solver_steps: A[
        int,
        described(
            "Solver steps at most",
            "How many levels the teacher goes ahead; no more than the grid has.",
            low=1,
            high=999,
        ),
    ] = 17
    solver_law: A[
        Literal["weighted", "uniform"],
        described(
            "Law of solver steps",
            "uniform draws all numbers alike; weighted draws twice the steps twice as often.",
            advanced=True,
        ),
    ] = "weighted"
    distance: Distance = "squared"
    huber: Huber = 0.00054
    decay: A[
        float,
        described(
            "Decay of the target",
            "Share of itself that the target keeps at each step.",
            low=0.0,
            high=0.99999,
        ),
    ] = 0.999
    lambda_dm: A[
        float,
        described(
            "Weight of denoising",
            "How much the velocity at s = t counts, which is learned from data.",
            low=0.0,
            high=100.0,
        ),
    ] = 1.0
    balance_dm: A[
        bool,
        described(
            "Balance denoising",
            "Multiply its weight so that it pulls at the last layer as hard as the jumps do; "
            "never by less than 1 where the student teaches itself.",
            advanced=True,
        ),
    ] = True
    sigma_data: A[
        float,
        described(
            "Deviation of the data",
            "Standard deviation of the data, about 0.5 for pictures; it shapes denoising's weight.",
            low=1e-3,
            high=1e3,
            logarithmic=True,
            advanced=True,
        ),
    ] = 0.5
    times: A[
        Times, described("Times of denoising", "From which law half of its times are drawn.")
    ] = Times(mean=-1.2, spread=1.2)
    noisy_share: A[
        float,
        described(
            "Noisy share",
            "The other half lies evenly over this share of the grid, from its noise end.",
            low=0.01,
            high=1.0,
            advanced=True,
        ),
    ] = 0.7
    lambda_gan: A[
        float,
        described(
            "Weight of the discriminator",
            "How much it counts that a discriminator takes samples for data; 0: there is none.",
            low=0.0,
            high=100.0,
        ),
    ] = 0.0
    balance_gan: A[
        bool,
        described(
            "Balance the discriminator",
            "Multiply its weight so that it pulls at the last layer as hard as the jumps do.",
            advanced=True,
        ),
    ] = True
    gan_from: A[
        float,
        described(
            "Discriminator from",
            "Share of the training that is done when the discriminator sets in.",
            low=0.0,
            high=1.0,
        ),
    ] = 0.5
    gan_labels: A[
        bool,
        described(
            "Discriminator knows the class",
            "Judge each sample as one of its class, where the network is told it.",
            advanced=True,
        ),
    ] = True
    augmentation: A[
        Augmentation,
        described("Augmentation", "How the discriminator is shown pictures; points it sees as is."),
    ] = Augmentation()
    grid: GridField = Grid()


TrajectoryMethod = CTM
