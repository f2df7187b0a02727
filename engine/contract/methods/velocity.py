"""Methods that learn a velocity: the baselines and the teachers."""

from typing import Annotated as A

from msgspec import Struct

from engine.contract.methods.common import Teacher, Times
from engine.contract.methods.trajectories import Trajectories
from engine.contract.schema import described


class FlowMatching(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="fm"):
    """Velocity baseline: regress v on noise - data."""

    times: A[Times, described("Times", "From which law the training times are drawn.")] = Times()


class EDM(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="edm"):
    """Velocity with the times and the weight of EDM (arXiv 2206.00364)."""

    sigma_data: A[
        float,
        described(
            "Deviation in the weight",
            "Standard deviation of the data, about 0.5 for pictures; it shapes the loss weight.",
            low=1e-3,
            high=1e3,
            logarithmic=True,
        ),
    ] = 0.5
    times: A[Times, described("Times", "The logit of a time is the logarithm of EDM's sigma.")] = (
        Times(mean=-1.2, spread=1.2)
    )


class Reflow(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="reflow"):
    """Rectified flow's second round: straight lines between noise and the teacher's end points."""

    trajectories: A[
        Trajectories, described("Trajectories", "The pairs that the teacher draws first.")
    ] = Trajectories(count=65536, steps=32, spacing="even")
    times: A[Times, described("Times", "From which law the training times are drawn.")] = Times(
        "uniform"
    )
    teacher: A[Teacher, described("Teacher", "Where the velocity comes from.")] = Teacher()


VelocityMethod = FlowMatching | EDM | Reflow
