"""Which part of a sampler a model can be asked, and which times it knows."""

from engine.contract.catalogue import Model
from engine.contract.legality import snapped
from engine.contract.messages import Sampler


def fitting(sampler: Sampler, model: Model | None) -> Sampler:
    """As much of `sampler` as this model can be asked; the rest is as the model has it."""
    match model.capability if model else "":
        case "velocity":
            guidance = sampler.guidance if model and model.guidable else 1.0
            return Sampler(None, sampler.solver, sampler.times, guidance)
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
