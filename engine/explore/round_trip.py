"""Data that went up to noise and back: how far from where it was, and whether noise was noise."""

import math

import torch
from torch import Tensor

from engine.contract.messages import RoundTrip
from engine.contract.source import Source, is_carried
from engine.explore.draws import start
from engine.explore.models import Loaded


def round_trip(
    loaded: Loaded, source: Source, x_t: Tensor, t: float, x_s: Tensor, s: float
) -> RoundTrip | None:
    """What a round trip says; None of a way that is none, or ends before its beginning."""
    if not is_carried(source) or s != 0:
        return None
    data = start(loaded, source).data
    assert data is not None
    error = float((x_s - data).square().mean().sqrt())
    if t != 1:
        return RoundTrip(error)
    return RoundTrip(error, *normality(x_t))


def normality(noise: Tensor) -> tuple[float, float, float]:
    """Standard deviation, kurtosis (3 is normal) and Kolmogorov-Smirnov distance to N(0, 1).

    Of all numbers in `noise` together; the distance is the largest between the two cumulative
    distributions, about 0.87 / sqrt(n) for n independent normal numbers.
    """
    flat = noise.flatten().double().sort().values
    centred = flat - flat.mean()
    variance = centred.square().mean()
    kurtosis = centred.pow(4).mean() / variance.square().clamp_min(1e-24)
    normal = 0.5 * (1 + torch.erf(flat / math.sqrt(2)))
    steps = torch.arange(len(flat) + 1, dtype=torch.float64) / len(flat)
    distance = torch.maximum(steps[1:] - normal, normal - steps[:-1]).max()
    return float(variance.sqrt()), float(kurtosis), float(distance)
