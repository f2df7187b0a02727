"""The transformer for pictures (DiT, arXiv 2212.09748)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.contract import specs
from engine.contract.schema import SpecError
from engine.networks.attention import attend
from engine.networks.backbone import Backbone
from engine.networks.embedding import Conditioning
from engine.networks.layers import zeroed
from engine.networks.norms import layer_norm, rms_norm


class DiT(Backbone):
    """Blocks of attention and MLP over patches; the context scales, shifts and gates each.

    Where the spec asks for it, it is semi-Lipschitz (TVM, arXiv 2511.19797, section 4): tokens are
    scaled without being centred, and each of what modulates them has unit root mean square. Queries
    and keys have it always.
    """

    places: Tensor

    def __init__(
        self,
        spec: specs.DiT,
        shape: tuple[int, ...],
        classes: int,
        velocity: bool = False,
        guided: bool = False,
    ) -> None:
        super().__init__()
        channels, height, width = shape
        if height % spec.patch or width % spec.patch:
            sides = f"{height} px" if height == width else f"{height} x {width} px"
            raise SpecError("network.patch", f"Patch must divide {sides}, unlike {spec.patch}.")
        if spec.width % 4:
            raise SpecError("network.width", "Width must be a multiple of 4.")
        if spec.width % spec.heads:
            raise SpecError("network.heads", "Width must be a multiple of Heads.")
        self.patch = spec.patch
        self.rows, self.columns = height // spec.patch, width // spec.patch
        size = channels * spec.patch**2
        self.conditioning = Conditioning(spec.width, classes, guided)
        self.enter = nn.Linear(size, spec.width)
        self.register_buffer("places", places(self.rows, self.columns, spec.width), False)
        self.blocks = nn.ModuleList(
            Block(spec.width, spec.heads, spec.dropout, spec.semi_lipschitz)
            for _ in range(spec.depth)
        )
        self.modulate = Modulation(spec.width, 2, spec.semi_lipschitz)
        self.leave = zeroed(nn.Linear(spec.width, size))
        self.velocity = zeroed(nn.Linear(spec.width, size)) if velocity else None

    def features(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None) -> Tensor:
        """Of pictures (B, C, H, W), (B, tokens, width)."""
        context = self.conditioning(t, s, label)[:, None]
        tokens = self.enter(self._cut(x)) + self.places
        for block in self.blocks:
            tokens = block(tokens, context)
        scale, shift = self.modulate(context)
        return self.modulate.normed(tokens) * (1 + scale) + shift

    def _cut(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to patches (B, tokens, C patch patch)."""
        split = x.unflatten(3, (self.columns, self.patch)).unflatten(2, (self.rows, self.patch))
        return split.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)

    def shaped(self, found: Tensor) -> Tensor:
        """The inverse of `_cut`."""
        grid = found.unflatten(1, (self.rows, self.columns))
        patches = grid.unflatten(3, (-1, self.patch, self.patch)).permute(0, 3, 1, 4, 2, 5)
        return patches.flatten(4).flatten(2, 3)


class Modulation(nn.Linear):
    """From the context to what modulates tokens, `parts` vectors, nothing at first.

    `unit`: each has a root mean square of 1, so that no weight here makes the rest change faster.
    """

    def __init__(self, width: int, parts: int, unit: bool) -> None:
        super().__init__(width, parts * width)
        zeroed(self)
        self.parts, self.unit = parts, unit

    def forward(self, context: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]
        """Of a context (B, 1, width), (B, 1, width) each."""
        found = super().forward(context).chunk(self.parts, dim=-1)
        return tuple(rms_norm(part) for part in found) if self.unit else found

    def normed(self, tokens: Tensor) -> Tensor:
        """Tokens that are ready to be modulated."""
        return rms_norm(tokens) if self.unit else layer_norm(tokens)


class Block(nn.Module):
    """Attention, then an MLP, each with its own scale, shift and gate; a fresh one is identity."""

    def __init__(self, width: int, heads: int, dropout: float, unit: bool) -> None:
        super().__init__()
        self.heads = heads
        self.modulate = Modulation(width, 6, unit)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.wide = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, context: Tensor) -> Tensor:
        """(B, tokens, width) to the same; the context is (B, 1, width)."""
        gain, shift, gate, gain2, shift2, gate2 = self.modulate(context)
        normed = self.modulate.normed
        tokens = tokens + gate * self._attend(normed(tokens) * (1 + gain) + shift)
        h = self.wide(normed(tokens) * (1 + gain2) + shift2)
        return tokens + gate2 * self.narrow(self.dropout(F.gelu(h, approximate="tanh")))

    def _attend(self, tokens: Tensor) -> Tensor:
        """Heads with unit-norm queries and keys, which keeps the tangent of the softmax tame."""
        q, k, v = self.qkv(tokens).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        found = attend(rms_norm(q).to(v.dtype), rms_norm(k).to(v.dtype), v)
        return self.out(self.dropout(found.transpose(1, 2).flatten(2)))


def places(rows: int, columns: int, width: int) -> Tensor:
    """Fixed sinusoids of the row and the column of each patch, (rows columns, width)."""
    rates = 10000.0 ** -torch.linspace(0, 1, width // 4)
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    angles = torch.cat((row.reshape(-1, 1) * rates, column.reshape(-1, 1) * rates), dim=1)
    return torch.cat((angles.sin(), angles.cos()), dim=1)
