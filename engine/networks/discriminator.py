"""The network that tells data from what was made."""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

WIDTH, DEPTH = 128, 3  # for points
CHANNELS, MOST_CHANNELS, SMALLEST = (
    32,
    128,
    4,
)  # for pictures: halved until SMALLEST pixels are left
SLOPE = 0.2  # of the units below zero


class Discriminator(nn.Module):
    """A logit for each sample of `shape`, (d,) or (C, H, W): higher for data.

    Every layer has spectral norm 1 (arXiv 1802.05957), which keeps the logit smooth without a
    penalty, and none mixes the samples of a batch. In training each pass refines the estimate of
    those norms, which is saved with the weights. It computes in the precision of its weights,
    whatever autocast says.

    Told one of `classes`, it adds the projection of what it found on that class's own direction
    (arXiv 1802.05637, eq. 4); the value `classes` stands for a hidden one.
    """

    def __init__(self, shape: tuple[int, ...], classes: int = 0) -> None:
        super().__init__()
        body, size = _points(*shape) if len(shape) == 1 else _pictures(*shape)
        self.body = nn.Sequential(*body)
        self.last = spectral_norm(nn.Linear(size, 1))
        self.classes = classes
        self.label = spectral_norm(nn.Embedding(classes + 1, size)) if classes else None

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """(B, *shape) to (B,); without a label every sample's class is hidden."""
        with torch.autocast(x.device.type, enabled=False):
            found: Tensor = self.body(x.to(next(self.parameters()).dtype)).flatten(1)
            logit: Tensor = self.last(found)[:, 0]
            if self.label is None:
                return logit
            if label is None:
                label = torch.full((len(x),), self.classes, device=x.device)
            return logit + (self.label(label) * found).sum(dim=1)


def _points(size: int) -> tuple[list[nn.Module], int]:
    """The hidden layers, and how many numbers they end with."""
    layers: list[nn.Module] = []
    for k in range(DEPTH):
        layers += [spectral_norm(nn.Linear(WIDTH if k else size, WIDTH)), nn.LeakyReLU(SLOPE)]
    return layers, WIDTH


def _pictures(channels: int, height: int, width: int) -> tuple[list[nn.Module], int]:
    """The hidden layers, and how many numbers they end with."""
    layers: list[nn.Module] = []
    now, wide, stride = channels, CHANNELS, 1
    while True:
        layers += [spectral_norm(nn.Conv2d(now, wide, 3, stride, 1)), nn.LeakyReLU(SLOPE)]
        if min(height, width) <= SMALLEST:
            return layers, wide * height * width
        now, wide, stride = wide, min(2 * wide, MOST_CHANNELS), 2
        height, width = (height + 1) // 2, (width + 1) // 2
