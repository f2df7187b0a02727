"""Every objective, by the spec that describes it."""

from collections.abc import Callable

from engine.contract import specs
from engine.objectives.alpha_flow import AlphaFlow
from engine.objectives.base import Objective
from engine.objectives.consistency import Consistency
from engine.objectives.continuous_consistency import ContinuousConsistency, ContinuousDistillation
from engine.objectives.distillation import PD
from engine.objectives.flow_matching import EDM, FlowMatching, Reflow
from engine.objectives.improved_mean_flow import ImprovedMeanFlow
from engine.objectives.lagrangian import LSD, TVM
from engine.objectives.mean_flow import MeanFlow
from engine.objectives.mid_training import CMT
from engine.objectives.shortcut import Shortcut
from engine.objectives.splitting import PSD
from engine.objectives.trajectory import Trajectory

Shape = tuple[int, ...]

OBJECTIVES: dict[type, Callable[..., Objective]] = {
    specs.FlowMatching: FlowMatching,
    specs.EDM: EDM,
    specs.Reflow: Reflow,
    specs.PD: PD,
    specs.CMT: CMT,
    specs.MeanFlow: MeanFlow,
    specs.ImprovedMeanFlow: ImprovedMeanFlow,
    specs.ContinuousConsistency: ContinuousConsistency,
    specs.ContinuousDistillation: ContinuousDistillation,
    specs.PSD: PSD,
    specs.Shortcut: Shortcut,
    specs.AlphaFlow: AlphaFlow,
    specs.LSD: LSD,
    specs.TVM: TVM,
    specs.CD: Consistency,
    specs.CT: Consistency,
    specs.ICT: Consistency,
    specs.ECM: Consistency,
    specs.CTM: Trajectory,
}


def build_objective(spec: specs.Method, shape: Shape, classes: int = 0) -> Objective:
    """The objective that a method's spec asks for, for samples of `shape`.

    `classes` is how many classes the network is told, which a discriminator is told as well.
    """
    told = (classes,) if isinstance(spec, specs.CTM) else ()
    return OBJECTIVES[type(spec)](spec, shape, *told)
