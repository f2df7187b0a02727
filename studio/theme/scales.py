"""The colour scale of maps, as the engine draws it too."""

from engine.contract.scales import VIRIDIS, colours

__all__ = ["VIRIDIS", "colours"]
