"""Turning times and labels into the vector that conditions every block."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.flow.guidance import parted


class Sinusoids(nn.Module):
    """sin and cos of a raw time in [0, 1], from a quarter turn up to `turns` turns.

    Times are never multiplied by 1000 here: the tangent of a forward-mode pass would then be
    mostly the embedding's own slope (rms 6.5 against 0.6 of the state's part, against 0.008 with
    raw times).
    """

    rates: Tensor

    def __init__(self, count: int, turns: float) -> None:
        super().__init__()
        turns_of = torch.logspace(math.log10(0.25), math.log10(turns), count)
        self.register_buffer("rates", 2 * math.pi * turns_of, persistent=False)

    def forward(self, time: Tensor) -> Tensor:
        """Embed times (B,) as (B, 2 count)."""
        angle = time[:, None] * self.rates.to(time.dtype)
        return torch.cat((angle.sin(), angle.cos()), dim=1)


class Conditioning(nn.Module):
    """One vector per sample from t, the gap t - s, the label and, if `guided`, a guidance.

    `classes` labels are known and the value `classes` stands for a hidden one; with no classes
    the label is ignored, and without a label every sample's class is hidden. If `guided`, a label
    may carry a guidance (engine/flow/guidance.py), and one that carries none is not guided. Its
    strength is embedded as 1 - 1 / omega (arXiv 2512.02012).
    """

    def __init__(
        self, width: int, classes: int, guided: bool = False, count: int = 16, turns: float = 4.0
    ) -> None:
        super().__init__()
        self.classes = classes
        self.sinusoids = Sinusoids(count, turns)
        self.first = nn.Linear(4 * count, width)
        self.second = nn.Linear(width, width)
        self.label = nn.Embedding(classes + 1, width) if classes else None
        if self.label is not None:
            nn.init.normal_(self.label.weight, std=0.02)
        self.guidance = nn.Linear(6 * count, width) if guided else None

    def forward(self, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
        """Embed (B,) times and labels as (B, width)."""
        times = torch.cat((self.sinusoids(t), self.sinusoids(t - s)), dim=1)
        found = self.first(times)
        if self.guidance is not None:
            label, (omega, start, end) = parted(label, t)
            numbers = [self.sinusoids(number) for number in (1 - 1 / omega, start, end)]
            found = found + self.guidance(torch.cat(numbers, dim=1))
        found = self.second(F.silu(found))
        if self.label is not None:
            hidden = torch.full_like(t, self.classes, dtype=torch.long)
            found = found + self.label(hidden if label is None else label)
        return F.silu(found)
