"""The convolutional network for pictures, in the DDPM++ layout (arXiv 2011.13456)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.contract import specs
from engine.contract.schema import SpecError
from engine.networks.attention import attend
from engine.networks.backbone import Backbone
from engine.networks.embedding import Conditioning
from engine.networks.layers import Convolution, zeroed
from engine.networks.norms import GroupNorm


class UNet(Backbone):
    """Residual blocks at falling, then rising sizes, with skips between equal sizes.

    With a patch of p, p x p pixels are folded into the channels of one (Luhman and Luhman,
    arXiv 2207.04316): at small sizes a processor spends its time on memory, not on sums.
    """

    def __init__(
        self,
        spec: specs.UNet,
        shape: tuple[int, ...],
        classes: int,
        velocity: bool = False,
        guided: bool = False,
    ) -> None:
        super().__init__()
        channels, height, width = shape
        levels, patch = len(spec.multipliers), spec.patch
        if height % patch or width % patch:
            raise SpecError(
                "network.patch", f"{patch} px does not divide {width} x {height} px; name 1 or 2."
            )
        channels, height, width = channels * patch**2, height // patch, width // patch
        if min(height, width) < 2 ** (levels - 1):
            raise SpecError(
                "network.multipliers",
                f"{levels} sizes are too many for {width} px; name fewer multipliers.",
            )
        widths = [max(8, 8 * round(spec.channels * m / 8)) for m in spec.multipliers]
        context = 4 * spec.channels
        sizes = [min(height, width)]
        for _ in range(levels - 1):
            sizes.append((sizes[-1] + 1) // 2)
        self.patch = patch
        attends = [size in spec.attention for size in sizes]

        def block(inputs: int, outputs: int, level: int) -> Block:
            return Block(inputs, outputs, context, attends[level], spec.dropout)

        self.conditioning = Conditioning(context, classes, guided)
        self.enter = Convolution(channels, widths[0], 3)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        skips, now = [widths[0]], widths[0]
        for level, wide in enumerate(widths):
            if level:
                self.down.append(Shrink(now))
                skips.append(now)
            for _ in range(spec.blocks):
                self.down.append(block(now, wide, level))
                skips.append(now := wide)
        self.middle = nn.ModuleList(
            (
                Block(now, now, context, True, spec.dropout),
                Block(now, now, context, False, spec.dropout),
            )
        )
        for level, wide in reversed(list(enumerate(widths))):
            for _ in range(spec.blocks + 1):
                self.up.append(block(now + skips.pop(), wide, level))
                now = wide
            if level:
                self.up.append(Grow(now))
        self.norm = GroupNorm(now)
        self.leave = zeroed(Convolution(now, channels, 3))
        self.velocity = zeroed(Convolution(now, channels, 3)) if velocity else None

    def features(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
        """Of pictures (B, C, H, W), (B, channels, H / patch, W / patch)."""
        context = self.conditioning(t, s, label)
        h = self.enter(F.pixel_unshuffle(x, self.patch))
        skips = [h]
        for stage in self.down:
            h = stage(h, context)
            skips.append(h)
        for stage in self.middle:
            h = stage(h, context)
        for stage in self.up:
            if isinstance(stage, Grow):
                h = stage(h, skips[-1])
            else:
                h = stage(torch.cat((h, skips.pop()), dim=1), context)
        return F.silu(self.norm(h))

    def shaped(self, found: Tensor) -> Tensor:
        """The patches unfolded."""
        return F.pixel_shuffle(found, self.patch)


class Block(nn.Module):
    """Two convolutions with the context as scale and shift between them, then attention."""

    def __init__(
        self, inputs: int, outputs: int, context: int, attends: bool, dropout: float
    ) -> None:
        super().__init__()
        self.norm = GroupNorm(inputs)
        self.first = Convolution(inputs, outputs, 3)
        self.modulate = nn.Linear(context, 2 * outputs)
        self.adaptive = GroupNorm(outputs)
        self.dropout = nn.Dropout(dropout)
        self.second = zeroed(Convolution(outputs, outputs, 3))
        self.skip = Convolution(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        self.attention = Attention(outputs) if attends else nn.Identity()

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W)."""
        h = self.first(F.silu(self.norm(x)))
        scale, shift = self.modulate(context)[:, :, None, None].chunk(2, dim=1)
        h = torch.addcmul(shift, self.adaptive(h), 1 + scale)
        h = self.second(self.dropout(F.silu(h)))
        return self.attention(self.skip(x) + h)


class Attention(nn.Module):
    """Every pixel looks at every other; heads of up to 64 channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = next(n for n in range(max(1, channels // 64), 0, -1) if channels % n == 0)
        self.norm = GroupNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = zeroed(nn.Linear(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        tokens = self.norm(x).flatten(2).transpose(1, 2)
        q, k, v = self.qkv(tokens).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        found = self.out(attend(q, k, v).transpose(1, 2).flatten(2))
        return x + found.transpose(1, 2).reshape(x.shape)


class Shrink(nn.Module):
    """Half the size, by a convolution of stride 2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = Convolution(channels, channels, 3, stride=2)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C, ceil(H / 2), ceil(W / 2)); the context is not used."""
        return self.conv(x)


class Grow(nn.Module):
    """The size of `like`, by nearest neighbours and a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = Convolution(channels, channels, 3)

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        """(B, C, h, w) to (B, C, H, W) of `like`."""
        return self.conv(F.interpolate(x, size=like.shape[2:], mode="nearest"))
