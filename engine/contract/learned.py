"""What the weights of a run are at a step: that decides what they may be asked."""

from typing import NamedTuple

from engine.contract.catalogue import Grid
from engine.contract.specs import CMT, PD, MeanFlow, RunSpec, Shortcut, teacher_steps


class Learned(NamedTuple):
    """The method that the weights are a model of, and the steps that it knows if it is dyadic."""

    method: str
    grid: Grid = Grid()


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
    return Learned(name)


def _grid(method: PD, progress: float) -> Grid:
    """Each stage of progressive distillation knows one length of step, twice that of the last."""
    stages = (method.first_steps // method.last_steps).bit_length() - 1
    stage = min(max(0, int(progress * stages)), stages - 1)
    return Grid(method.first_steps >> (stage + 1), 1)
