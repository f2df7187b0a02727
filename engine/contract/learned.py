"""What the weights of a run are at a step: that decides what they may be asked."""

from typing import NamedTuple

from engine.contract.catalogue import Grid, Guidance
from engine.contract.specs import (
    CMT,
    PD,
    ImprovedMeanFlow,
    MeanFlow,
    RunSpec,
    Shortcut,
    teacher_steps,
)


class Learned(NamedTuple):
    """The method that the weights are a model of, and the steps that it knows if it is dyadic.

    `guidance` is what it can be told, if anything.
    """

    method: str
    grid: Grid = Grid()
    guidance: Guidance | None = None


def learned(spec: RunSpec, step: int) -> Learned:
    """What is learned by the update before `step`: at first the teacher, where one is trained."""
    method, first = spec.method, teacher_steps(spec)
    if step <= first and first:
        return Learned("fm")
    if isinstance(method, CMT) and isinstance(method.post, MeanFlow):
        return Learned("meanflow")
    name = str(method.__struct_config__.tag)
    if isinstance(method, Shortcut):
        return Learned(name, Grid(2**method.halvings))
    if isinstance(method, PD):
        return Learned(name, _grid(method, (step - 1 - first) / spec.training.steps))
    if isinstance(method, ImprovedMeanFlow) and method.guidance == "chosen":
        usual = method.omega, method.guidance_from, method.guidance_to
        return Learned(name, guidance=Guidance(1.0, method.omega_most, *usual, told=True))
    return Learned(name)


def _grid(method: PD, progress: float) -> Grid:
    """Each stage of progressive distillation knows one length of step, twice that of the last."""
    stages = (method.first_steps // method.last_steps).bit_length() - 1
    stage = min(max(0, int(progress * stages)), stages - 1)
    return Grid(method.first_steps >> (stage + 1), 1)


def heads(spec: RunSpec) -> dict[str, bool]:
    """What the method of a spec asks of its network besides, as `build_network` takes it."""
    method = spec.method
    if not isinstance(method, ImprovedMeanFlow):
        return {"velocity": False, "guided": False}
    return {
        "velocity": method.velocity_head == "auxiliary",
        "guided": method.guidance == "chosen",
    }
