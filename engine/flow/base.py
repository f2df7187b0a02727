"""What every learned flow map can be asked, whatever its capability."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

from torch import Tensor

from engine.contract.catalogue import Capability
from engine.contract.errors import UserError
from engine.flow.clock import Time
from engine.flow.renoise import Noise
from engine.flow.solvers import even

Network = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
"""network(x_t, t, s, label): t and s of shape (B,), label int64 of shape (B,) or None.

A network that learned all guidances may be given one with the label: engine/flow/guidance.py.
"""


class Unknown(UserError):
    """Something that a model of this capability does not know."""


class FlowMap(ABC):
    """A learned flow map on the common clock; `t` and `s` are numbers or tensors of shape (B,)."""

    capability: ClassVar[Capability]
    gamma = 0.0  # share of the noise that is new at every step of a sampler, unless one chooses

    def __init__(self, network: Network) -> None:
        self.network = network

    def jump(
        self,
        x_t: Tensor,
        t: Time,
        s: Time,
        label: Tensor | None = None,
        steps: int = 1,
        noise: Noise | None = None,
    ) -> Tensor:
        """The state at `s` of what stands in `x_t` at `t`, reached in `steps` steps of `times`."""
        return self.carry(x_t, self.times(t, s, steps), label, noise)

    @abstractmethod
    def carry(
        self,
        x: Tensor,
        times: Sequence[Time],
        label: Tensor | None = None,
        noise: Noise | None = None,
    ) -> Tensor:
        """Carry `x`, which stands at `times[0]`, through all `times`; its state at the last.

        `noise` is for those that add some on the way; without it they draw always the same.
        """

    @abstractmethod
    def u(self, x_t: Tensor, t: Time, s: Time, label: Tensor | None = None) -> Tensor:
        """Average velocity between `t` and `s`, so that one step is x_t + (s - t) u; v at s = t.

        Raises Unknown where the model knows none.
        """

    @abstractmethod
    def v(self, x_t: Tensor, t: Time, label: Tensor | None = None) -> Tensor:
        """Velocity dx/dt at `t`. Raises Unknown where the model knows none."""

    def times(self, t: Time, s: Time, steps: int) -> list[Time]:
        """Times from `t` to `s` for a jump in `steps` steps."""
        return even(t, s, steps)

    def evaluations(self, times: Sequence[Time]) -> int:
        """Evaluations of the network that it costs to be carried through `times`."""
        return len(times) - 1

    def nfe(self, t: Time, s: Time, steps: int) -> int:
        """Evaluations of the network that this jump costs."""
        return self.evaluations(self.times(t, s, steps))
