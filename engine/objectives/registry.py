"""Every objective, by the spec that describes it."""

from collections.abc import Callable
from typing import Any

from engine.contract import specs
from engine.objectives.base import Objective
from engine.objectives.flow_matching import FlowMatching
from engine.objectives.mean_flow import MeanFlow

OBJECTIVES: dict[type, Callable[[Any], Objective]] = {
    specs.FlowMatching: FlowMatching,
    specs.MeanFlow: MeanFlow,
}


def build_objective(spec: specs.Method) -> Objective:
    """The objective that a method's spec asks for."""
    return OBJECTIVES[type(spec)](spec)
