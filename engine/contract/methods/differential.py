"""Methods that learn from the derivative of the flow map along a trajectory."""

from typing import Annotated as A
from typing import Literal

from msgspec import Struct

from engine.contract.methods.common import Teacher, Times
from engine.contract.schema import described

ShareOffDiagonal = A[
    float,
    described(
        "Share with s < t",
        "Share of samples that learn a real jump; the others learn the velocity at s = t.",
        low=0.0,
        high=1.0,
    ),
]
AdaptivePower = A[
    float,
    described(
        "Adaptive power p",
        "Weight 1 / (error + c)^p per sample. Keep 0 for points: there p > 0 is biased.",
        low=0.0,
        high=2.0,
    ),
]
AdaptiveOffset = A[
    float,
    described(
        "Adaptive offset c",
        "The c in the weight 1 / (error + c)^p.",
        low=1e-8,
        high=1.0,
        logarithmic=True,
        advanced=True,
    ),
]
GuidanceFrom = A[
    float,
    described("Guidance from t", "Nearer to data, no guidance.", low=0.0, high=1.0, advanced=True),
]
GuidanceTo = A[
    float,
    described("Guidance to t", "Nearer to noise, no guidance.", low=0.0, high=1.0, advanced=True),
]
TimesField = A[Times, described("Times", "From which law the training times are drawn.")]


class MeanFlow(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="meanflow"):
    """Average velocity by the MeanFlow identity (arXiv 2505.13447)."""

    share_off_diagonal: ShareOffDiagonal = 0.25
    adaptive_power: AdaptivePower = 0.75
    adaptive_offset: AdaptiveOffset = 1e-3
    omega: A[
        float,
        described(
            "Guidance omega",
            "Learn a flow guided towards the label, of strength omega / (1 - kappa); "
            "omega 1 and kappa 0: none.",
            low=0.0,
            high=20.0,
        ),
    ] = 1.0
    kappa: A[
        float,
        described(
            "Guidance kappa",
            "Share of the model's own velocity in the guided one; the strength is "
            "omega / (1 - kappa).",
            low=0.0,
            high=0.99,
        ),
    ] = 0.0
    guidance_from: GuidanceFrom = 0.0
    guidance_to: GuidanceTo = 1.0
    times: TimesField = Times()


class ImprovedMeanFlow(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="imf"
):
    """MeanFlow whose derivative follows the model's own velocity (arXiv 2512.02012)."""

    share_off_diagonal: ShareOffDiagonal = 0.5
    adaptive_power: AdaptivePower = 1.0
    adaptive_offset: AdaptiveOffset = 0.01
    velocity_head: A[
        Literal["auxiliary", "boundary"],
        described(
            "Velocity head",
            "What the model's own velocity comes from: a second last layer that is trained "
            "beside, or its jumps with s = t.",
        ),
    ] = "auxiliary"
    guidance: A[
        Literal["fixed", "chosen"],
        described(
            "Guidance",
            "fixed: learn one; chosen: learn all strengths and intervals of time, and choose "
            "when sampling.",
        ),
    ] = "fixed"
    omega: A[
        float,
        described(
            "Guidance omega",
            "Learn a flow guided towards the label, of this strength; 1: none. "
            "Where it is chosen when sampling, the one that previews show.",
            low=1.0,
            high=20.0,
        ),
    ] = 1.0
    omega_most: A[
        float,
        described(
            "Largest omega",
            "Strengths from 1 to this are learned.",
            low=1.0,
            high=100.0,
            shown_when=("guidance", "chosen"),
        ),
    ] = 8.0
    omega_power: A[
        float,
        described(
            "Power of omega",
            "Strengths are drawn by the law omega^-p.",
            low=0.0,
            high=10.0,
            advanced=True,
            shown_when=("guidance", "chosen"),
        ),
    ] = 1.0
    guidance_from: GuidanceFrom = 0.0
    guidance_to: GuidanceTo = 1.0
    times: TimesField = Times()


SigmaData = A[
    float,
    described(
        "Deviation of the data",
        "Standard deviation of the data, about 0.5 for pictures.",
        low=1e-3,
        high=1e3,
        logarithmic=True,
    ),
]
WarmUp = A[
    float,
    described(
        "Tangent warm-up",
        "Share of the training in which the part of the tangent that is hard to learn rises "
        "from zero.",
        low=0.0,
        high=1.0,
    ),
]
Tangent = A[
    Literal["normalised", "clipped", "plain"],
    described(
        "Tangent",
        "What is done to long tangents. Keep plain for points without a teacher: there the "
        "others are biased.",
    ),
]
TangentOffset = A[
    float,
    described(
        "Tangent offset c",
        "A tangent g is divided by |g| + c, |g| its root mean square.",
        low=1e-8,
        high=10.0,
        logarithmic=True,
        advanced=True,
        shown_when=("tangent", "normalised"),
    ),
]
LearnedWeight = A[
    bool,
    described(
        "Learned weight",
        "Weigh each time by what its error usually is. Turn it off for points: with few "
        "dimensions it sets the training swinging.",
        advanced=True,
    ),
]
LATE = Times(mean=-1.0, spread=1.4)


class ContinuousConsistency(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="sct"
):
    """Consistency training in continuous time (sCT, arXiv 2410.11081)."""

    sigma_data: SigmaData = 0.5
    warm_up: WarmUp = 0.025
    tangent: Tangent = "normalised"
    tangent_offset: TangentOffset = 0.1
    learned_weight: LearnedWeight = True
    times: TimesField = LATE


class ContinuousDistillation(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="scd"
):
    """Consistency distillation in continuous time (sCD, arXiv 2410.11081)."""

    sigma_data: SigmaData = 0.5
    warm_up: WarmUp = 0.025
    tangent: Tangent = "normalised"
    tangent_offset: TangentOffset = 0.1
    learned_weight: LearnedWeight = True
    teacher: A[Teacher, described("Teacher", "Whose velocity is distilled.")] = Teacher()
    times: TimesField = LATE


DifferentialMethod = MeanFlow | ImprovedMeanFlow | ContinuousConsistency | ContinuousDistillation


def guidance_problems(method: Struct, hides_labels: bool) -> list[tuple[str, str]]:
    """What is wrong with a method's guidance; `hides_labels`: some samples' labels are hidden."""
    if not isinstance(method, MeanFlow | ImprovedMeanFlow):
        return []
    found = []
    wants = "Guidance needs labels and a label dropout above 0"
    guided = method.omega != 1 or getattr(method, "kappa", 0.0) != 0
    if guided and not hides_labels:
        found.append(("method.omega", f"{wants}; set omega to 1 to train without guidance."))
    if isinstance(method, ImprovedMeanFlow) and method.guidance == "chosen":
        if not hides_labels:
            found.append(("method.guidance", f"{wants}; set it to fixed to train without."))
        if method.omega > method.omega_most:
            found.append(("method.omega", "Guidance omega must not be above Largest omega."))
    if method.guidance_from > method.guidance_to:
        found.append(("method.guidance_from", "Guidance from t must not be above Guidance to t."))
    return found
