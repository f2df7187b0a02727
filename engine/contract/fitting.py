"""Which part of a sampler a model can be asked, and which times it knows."""

from msgspec.structs import replace

from engine.contract.catalogue import Model
from engine.contract.legality import snapped
from engine.contract.messages import Sampler


def fitting(sampler: Sampler, model: Model | None) -> Sampler:
    """As much of `sampler` as this model can be asked; the rest is as the model has it."""
    found = _of_capability(sampler, model)
    if can_keep(model):
        found = replace(found, keep=sampler.keep)
    can = model.guidance if model else None
    if can is None:
        return found
    asked = can.chosen(sampler.guidance, sampler.guidance_from, sampler.guidance_to)
    if not (can.least <= asked.omega <= can.most and 0 <= asked.start <= asked.end <= 1):
        return found
    return replace(
        found,
        guidance=sampler.guidance,
        guidance_from=sampler.guidance_from,
        guidance_to=sampler.guidance_to,
    )


def can_keep(model: Model | None) -> bool:
    """Whether part of a picture can be kept: where all noise can be new after each step."""
    return model is not None and model.data.kind == "images" and model.capability != "velocity"


def _of_capability(sampler: Sampler, model: Model | None) -> Sampler:
    match model.capability if model else "":
        case "velocity":
            return Sampler(None, sampler.solver, sampler.times)
        case "flow map":
            return Sampler(sampler.gamma, times=sampler.times)
        case "dyadic":
            return Sampler(sampler.gamma if sampler.gamma in (0, 1) else None)
        case "endpoint":
            return Sampler(times=sampler.times)
    return Sampler()


def known(model: Model | None, time: float) -> float:
    """The time that is nearest among those that the model knows."""
    if model is None or model.capability != "dyadic":
        return time
    return snapped(time, model.grid)
