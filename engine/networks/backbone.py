"""What all backbones share: how they are asked, for u alone or for u and v."""

import torch
from torch import Tensor, nn


class Backbone(nn.Module):
    """A trunk, a last layer `leave` for u and, where a method wants one, `velocity` for v.

    The auxiliary velocity head (arXiv 2512.02012) is a last layer of its own upon the same trunk,
    where the paper's transformer also has blocks of its own. It is for training: asked in the
    ordinary way, the network does not compute it.
    """

    leave: nn.Module
    velocity: nn.Module | None

    @property
    def output_weight(self) -> Tensor:
        """The weight of the last layer."""
        weight = self.leave.weight
        assert isinstance(weight, Tensor)
        return weight

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        """Average velocity over [s, t] of x [B, ...]."""
        return self.shaped(self.leave(self.features(x, t, s, label)))

    def heads(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        """The average velocity and, by the auxiliary head, the velocity at t: [B, 2, ...]."""
        assert self.velocity is not None
        found = self.features(x, t, s, label)
        return torch.stack([self.shaped(head(found)) for head in (self.leave, self.velocity)], 1)

    def features(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
        """What the last layers are given."""
        raise NotImplementedError

    def shaped(self, found: Tensor) -> Tensor:
        """What a last layer gives, in the shape of x."""
        return found
