"""Sampling: from noise at t = 1 to data at t = 0."""

import torch
from torch import Tensor

from engine.flow.flow_map import FlowMap


@torch.no_grad()
def sample(flow_map: FlowMap, noise: Tensor, steps: int, label: Tensor | None = None) -> Tensor:
    """Data from `noise` [B, ...] in `steps` equal steps."""
    return flow_map.jump(noise, 1.0, 0.0, label, steps)
