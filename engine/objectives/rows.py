"""The samples of a batch on their way, and the passes that their targets take beside them."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.clock import spread
from engine.flow.flow_map import Network
from engine.flow.randomness import Randomness
from engine.objectives import times
from engine.objectives.base import Record, unheard
from engine.objectives.derivative import in_parts

Again = Callable[[], None]
"""To be called between two passes that are to drop the same units."""


class Rows(NamedTuple):
    """Samples `x_t` at `t` that are to jump to `s`; `v` = noise - data is each one's velocity."""

    x_t: Tensor
    t: Tensor
    s: Tensor
    v: Tensor
    label: Tensor | None

    def between(self, start: int, stop: int) -> "Rows":
        """The rows from `start` to before `stop`."""
        label = None if self.label is None else self.label[start:stop]
        x_t, t, s, v = (each[start:stop] for each in self[:4])
        return Rows(x_t, t, s, v, label)

    def told(self, record: Record, data: Tensor) -> None:
        """Say where the rows of these data stand; v is the plain one."""
        if record is not unheard:
            record(data=data, noise=data + self.v, t=self.t, s=self.s, x_t=self.x_t, v=self.v)

    def asked(self, network: Network) -> Tensor:
        """u(x_t, t, s) by the network."""
        return network(self.x_t, self.t, self.s, self.label)


def mixed(batch: Batch, noise: Tensor, t: Tensor, s: Tensor) -> Rows:
    """The batch carried to the times `t`, of any type and place."""
    data = batch.data
    t, s, at = t.to(data), s.to(data), spread(t.to(data), data)
    return Rows((1 - at) * data + at * noise, t, s, noise - data, batch.label)


def draw_rows(
    law: specs.Times, share: float, batch: Batch, randomness: Randomness
) -> tuple[Rows, int]:
    """Rows of which the leading ones, `share` of all, have s < t and the others s = t.

    A jump's times are two draws in order; a time with s = t is one draw.
    """
    count = len(batch.data)
    t, s, jumps = times.draw_pair(law, 1.0, round(share * count), randomness)
    rest = times.draw(law, count - jumps, randomness, "diagonal times")
    noise = randomness.normal("noise", batch.data.shape).to(batch.data)
    return mixed(batch, noise, torch.cat((t, rest)), torch.cat((s, rest))), jumps


def beside(
    student: Network,
    rows: Rows,
    jumps: int,
    randomness: Randomness,
    target: Callable[[Rows, Again], Tensor],
) -> tuple[Tensor, Tensor]:
    """The student's u of all rows, and what `target` makes of the leading ones without gradient.

    All passes over the leading rows drop the same units.
    """
    if not jumps:
        return rows.asked(student), rows.v[:0]
    with randomness.shared() as again:
        u = rows.asked(in_parts(student, jumps))
        again()
        with torch.no_grad():
            return u, target(rows.between(0, jumps), again)


def parts(error: Tensor, jumps: int) -> dict[str, Tensor]:
    """The errors of all rows, of those with s = t and of the leading ones, where there are any."""
    found = {"error": error, "error_diagonal": error[jumps:], "error_jump": error[:jumps]}
    return {name: value.detach() for name, value in found.items() if len(value)}
