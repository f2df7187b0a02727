"""Methods that copy a teacher's trajectories, in fewer and fewer steps or at once."""

from typing import Annotated as A

from msgspec import Struct

from engine.contract.methods.common import Teacher
from engine.contract.methods.consistency import ECM, Distance, Huber
from engine.contract.methods.differential import MeanFlow, guidance_problems
from engine.contract.methods.trajectories import Trajectories
from engine.contract.schema import described


class PD(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="pd"):
    """Progressive distillation (arXiv 2202.00512): each stage takes half the steps of the last."""

    first_steps: A[
        int,
        described("Steps of the teacher", "DDIM steps at first; a power of two.", low=2, high=8192),
    ] = 64
    last_steps: A[
        int,
        described("Steps at the end", "Steps of the last student; a power of two.", low=1, high=64),
    ] = 1
    teacher: A[Teacher, described("Teacher", "Where the velocity comes from.")] = Teacher()


class CMT(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="cmt"):
    """Consistency mid-training on a teacher's trajectories, then another method (2509.24526)."""

    mid_share: A[
        float,
        described(
            "Share of mid-training",
            "Share of the updates that learn the teacher's trajectories; the rest tune.",
            low=0.0,
            high=1.0,
        ),
    ] = 0.75
    distance: Distance = "squared"
    huber: Huber = 0.00054
    trajectories: A[Trajectories, described("Trajectories", "What the teacher draws first.")] = (
        Trajectories()
    )
    post: A[
        ECM | MeanFlow,
        described("Tuning", "The method that follows: ecm ends with an endpoint model."),
    ] = ECM(stages=1, factor=4096.0)
    teacher: A[Teacher, described("Teacher", "Where the velocity comes from.")] = Teacher()


DistillationMethod = PD | CMT


def distillation_problems(
    method: Struct, hides_labels: bool, updates: int, cycles: int
) -> list[tuple[str, str]]:
    """What is wrong between the fields; `hides_labels`: some samples' labels are hidden.

    `updates` and `cycles` are those of the training.
    """
    found = []
    if isinstance(method, PD):
        for name in ("first_steps", "last_steps"):
            steps: int = getattr(method, name)
            if steps & (steps - 1):
                text = f"Steps of progressive distillation must be powers of two, not {steps}."
                found.append((f"method.{name}", text))
        if method.last_steps >= method.first_steps:
            text = "The last student must take fewer steps than the teacher."
            found.append(("method.last_steps", text))
        stages = (method.first_steps // max(1, method.last_steps)).bit_length() - 1
        if updates < stages:
            text = f"Steps must be at least {stages}, one for each stage of the distillation."
            found.append(("training.steps", text))
        if cycles not in (1, stages):
            text = f"Cycles must be {stages}, one for each stage of the distillation, or 1."
            found.append(("training.cycles", text))
    elif isinstance(method, CMT):
        inner = guidance_problems(method.post, hides_labels)
        found += [(key.replace("method.", "method.post.", 1), text) for key, text in inner]
        if isinstance(method.post, MeanFlow) and method.trajectories.precision == "float16":
            text = "Average velocities need trajectories in float32."
            found.append(("method.trajectories.precision", text))
    return found
