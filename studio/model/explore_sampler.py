"""Which part of a sampler a model can be asked, and which times it knows."""

from engine.contract.fitting import can_keep as can_keep
from engine.contract.fitting import fitting as fitting
from engine.contract.fitting import known as known
