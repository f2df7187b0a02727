"""How a pool of a teacher's trajectories is made."""

from typing import Annotated as A
from typing import Literal

from msgspec import Struct

from engine.contract.schema import described


class Trajectories(Struct, frozen=True, forbid_unknown_fields=True):
    """What the teacher draws before its student begins, and keeps in a file of the run."""

    count: A[
        int,
        described("Trajectories", "How many the teacher draws first.", low=1, high=100_000_000),
    ] = 16384
    solver: A[
        Literal["euler", "heun", "rk4"],
        described("Solver", "How the teacher takes a step; euler is rough.", advanced=True),
    ] = "heun"
    steps: A[
        int,
        described("Steps of a trajectory", "More are nearer to the ODE.", low=2, high=1000),
    ] = 16
    spacing: A[
        Literal["karras", "even"],
        described(
            "Times of a trajectory",
            "karras: EDM's sigmas, close together near the data; even: on the common clock.",
            advanced=True,
        ),
    ] = "karras"
    precision: A[
        Literal["float32", "float16"],
        described("Precision of the file", "float16 needs half the space.", advanced=True),
    ] = "float32"
