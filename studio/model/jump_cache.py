"""Jumps that were answered, kept by what was asked."""

from collections import OrderedDict

from engine.contract.messages import Jump
from studio.model.states import States

MOST = 96 << 20  # bytes


class JumpCache:
    """The newest answers within `MOST` bytes, by the model's step and everything that was asked."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int, Jump], States] = OrderedDict()
        self.size = 0

    def get(self, step: int, asked: Jump) -> States | None:
        """The answer, where it is known."""
        found = self._known.get((step, asked))
        if found is not None:
            self._known.move_to_end((step, asked))
        return found

    def put(self, step: int, asked: Jump, states: States) -> None:
        """Keep an answer; the oldest ones go."""
        self.forget(step, asked)
        self._known[step, asked] = states
        self.size += _bytes(states)
        while self.size > MOST:
            self.size -= _bytes(self._known.popitem(last=False)[1])

    def forget(self, step: int, asked: Jump) -> None:
        """Keep it no more."""
        if (old := self._known.pop((step, asked), None)) is not None:
            self.size -= _bytes(old)

    def forget_model(self, name: str) -> None:
        """Keep nothing of a model: its weights may be others now."""
        for step, asked in [key for key in self._known if key[1].model == name]:
            self.forget(step, asked)


def _bytes(states: States) -> int:
    return int(states.x_t.nbytes + states.x_s.nbytes)
