"""Memory that ran out, and a network that takes its batch in pieces then."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

Asked = Callable[..., Tensor]


def out_of_memory(error: BaseException) -> bool:
    """Also where the processor's allocator says so, for which torch has no class."""
    known = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return known or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error))


class InPieces(nn.Module):
    """A network whose rows are asked in `pieces`, and again on the way back of the gradient.

    Only one piece's inner states are in memory at a time (as in arXiv 1604.06174). The objective
    sees one batch and one answer, so that its draws, its targets and its means are what they were:
    the gradient is the same up to rounding, whatever the objective makes of the rows. Where the
    network drops units it drops others than in one piece.
    """

    def __init__(self, network: nn.Module, pieces: int) -> None:
        super().__init__()
        self.network, self.pieces = network, pieces

    @property
    def output_weight(self) -> Tensor:
        """The weight of the network's last layer."""
        weight = self.network.output_weight
        assert isinstance(weight, Tensor)
        return weight

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        """What the network answers."""
        return self._joined(self.network, x, t, s, label)

    def heads(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        """What both of its heads answer."""
        pair: Asked = self.network.heads  # type: ignore[assignment]
        return self._joined(pair, x, t, s, label)

    def _joined(self, ask: Asked, *rows: Tensor | None) -> Tensor:
        return in_pieces(partial(_again, ask), self.pieces, *rows)


def in_pieces(ask: Asked, pieces: int, *rows: Tensor | None) -> Tensor:
    """The answers to all rows, asked for in that many parts of about the same size."""
    first = rows[0]
    assert first is not None
    size = -(-len(first) // pieces)
    if size >= len(first):
        return ask(*rows)
    parts = zip(*(_parts(each, size, first) for each in rows), strict=True)
    return torch.cat([ask(*part) for part in parts])


def _parts(rows: Tensor | None, size: int, like: Tensor) -> list[Tensor] | list[None]:
    return [None] * -(-len(like) // size) if rows is None else list(rows.split(size))


def _again(ask: Asked, *rows: Tensor | None) -> Tensor:
    """Ask, and forget what the answer was made of until the gradient needs it."""
    if not torch.is_grad_enabled():
        return ask(*rows)
    from torch.utils.checkpoint import checkpoint  # only where it is needed: it takes its time

    found: Tensor = checkpoint(ask, *rows, use_reentrant=False)
    return found
