"""Classifier-free guidance as part of what is learned, so that it costs nothing afterwards."""

from typing import NamedTuple

import torch
from torch import Tensor

from engine.contract import specs
from engine.flow.flow_map import Network
from engine.flow.randomness import Randomness
from engine.objectives.rows import Rows


class Guidance(NamedTuple):
    """v~ = omega v + kappa u(x, t, t | label) + (1 - omega - kappa) u(x, t, t | hidden label).

    MeanFlow's guidance with kappa (arXiv 2505.13447), where `start` <= t <= `end` and the label is
    not hidden. Where u(x, t, t | label) is the mean of v~ it is the velocity guided with the
    strength omega / (1 - kappa).
    """

    omega: float = 1.0
    kappa: float = 0.0
    start: float = 0.0
    end: float = 1.0

    def velocity(
        self, network: Network, rows: Rows, hidden: int | None, randomness: Randomness
    ) -> Tensor:
        """v~ of the rows. `hidden` is the label that stands for none.

        The network is asked for no velocity whose share is nothing. Told the label and not, it
        drops the same units.
        """
        label, found = rows.label, self.omega * rows.v
        if label is None or (self.omega, self.kappa) == (1.0, 0.0):
            return rows.v
        shares = ((self.kappa, label), (1 - self.omega - self.kappa, None))
        with torch.no_grad(), randomness.shared() as again:
            for share, told in shares:
                if abs(share) > 1e-9:
                    own = rows._replace(s=rows.t, label=told).asked(network)
                    found = found + share * own.to(found)
                    again()
        where = (rows.t >= self.start) & (rows.t <= self.end)
        if hidden is not None:
            where &= label != hidden
        return torch.where(where.reshape(-1, *[1] * (found.ndim - 1)), found, rows.v)


def guidance_of(spec: specs.MeanFlow) -> Guidance:
    """What a spec asks for."""
    return Guidance(spec.omega, spec.kappa, spec.guidance_from, spec.guidance_to)


def draw_guidance(
    spec: specs.ImprovedMeanFlow, rows: Rows, jumps: int, randomness: Randomness
) -> Tensor | None:
    """Strength and interval of each row, (B, 3); None where there is no guidance, or no label.

    One for all where it is fixed. Else omega has the density omega^-p between 1 and the largest,
    and the interval reaches from below 0.5 to above it, uniformly, on the `jumps` leading rows;
    the rows with s = t are guided at all times (arXiv 2512.02012).
    """
    t, fixed = rows.t, spec.guidance == "fixed"
    if rows.label is None or (fixed and spec.omega == 1):
        return None
    if fixed:
        one = t.new_tensor((spec.omega, spec.guidance_from, spec.guidance_to))
        return one.expand(len(t), 3)
    place, start, end = randomness.uniform("guidance", (3, len(t))).to(t)
    rest = torch.arange(len(t), device=t.device) >= jumps
    start, end = (start / 2).masked_fill(rest, 0), (end / 2 + 0.5).masked_fill(rest, 1)
    return torch.stack((power_law(place, spec.omega_most, spec.omega_power), start, end), dim=1)


def power_law(place: Tensor, most: float, power: float) -> Tensor:
    """The value below which the share `place` lies of the law x^-power on [1, most]."""
    if power == 1:
        return most**place
    return (1 + place * (most ** (1 - power) - 1)) ** (1 / (1 - power))


def strength(guidance: Tensor, rows: Rows, hidden: int | None) -> Tensor:
    """The omega at each row's t: 1 outside its interval and where its label is hidden."""
    omega, start, end = guidance.T
    held = (rows.t >= start) & (rows.t <= end)
    if hidden is not None:
        held &= rows.label != hidden
    return torch.where(held, omega, 1.0)
