"""Methods that learn from how a jump's end moves with the time that it leads to."""

from typing import Annotated as A

from msgspec import Struct

from engine.contract.methods.common import Times
from engine.contract.schema import described


class LSD(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="lsd"):
    """Lagrangian self-distillation (arXiv 2505.18825)."""

    share_off_diagonal: A[
        float,
        described(
            "Share with s < t",
            "Share of samples that learn a real jump; the others learn the velocity at s = t.",
            low=0.0,
            high=1.0,
        ),
    ] = 0.25
    learned_weight: A[
        bool,
        described(
            "Learned weight",
            "Weigh errors by a small function of t and s that is learned along.",
            advanced=True,
        ),
    ] = False
    times: A[Times, described("Times", "From which law the training times are drawn.")] = Times(
        "uniform"
    )


class TVM(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="tvm"):
    """Terminal velocity matching (arXiv 2511.19797)."""

    times: A[
        Times,
        described("Times", "From which law the ends of jumps and the times of velocities come."),
    ] = Times()
    gap: A[Times, described("Gap", "From which law the lengths t - s of jumps come.")] = Times(
        mean=-0.8
    )
    decay: A[
        float,
        described(
            "Decay of the target",
            "Share of itself that the average keeps at each step which makes the targets.",
            low=0.0,
            high=0.999999,
        ),
    ] = 0.99


LagrangianMethod = LSD | TVM
