"""Named random streams that are saved with a run, so that resuming equals never having stopped."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

_GLOBAL, _GLOBAL_CUDA = "global", "global-cuda"
State = dict[str, Tensor]


class Randomness:
    """Independent streams of random numbers, each made on demand from (seed, name).

    What one stream draws depends on its own draws alone: another name, another process or another
    order of first use changes nothing. Draws are made on `device`.
    """

    def __init__(self, seed: int, device: torch.device | str = "cpu") -> None:
        self.seed = seed
        self.device = torch.device(device)
        self._streams: dict[str, torch.Generator] = {}

    def generator(self, name: str) -> torch.Generator:
        """The stream `name` itself, for draws of other laws."""
        if name not in self._streams:
            self._streams[name] = self._new(name)
        return self._streams[name]

    def normal(self, name: str, shape: Sequence[int]) -> Tensor:
        """Standard normal float32 numbers of `shape` from the stream `name`."""
        return torch.randn(*shape, generator=self.generator(name), device=self.device)

    def uniform(self, name: str, shape: Sequence[int]) -> Tensor:
        """Float32 numbers of `shape` in [0, 1) from the stream `name`."""
        return torch.rand(*shape, generator=self.generator(name), device=self.device)

    def integers(self, name: str, high: int, shape: Sequence[int]) -> Tensor:
        """Int64 numbers of `shape` in 0 .. high - 1 from the stream `name`."""
        size = tuple(shape)
        return torch.randint(high, size, generator=self.generator(name), device=self.device)

    def seed_global(self) -> None:
        """Start torch's own generators (first weights, dropout) from this seed."""
        torch.manual_seed(_derive(self.seed, _GLOBAL))

    def state(self) -> State:
        """Where every stream stands, and torch's own generators under `global`: uint8 tensors."""
        return self._global() | {name: g.get_state() for name, g in self._streams.items()}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from `state`. Raises ValueError where it was saved on another kind of device."""
        own = [name for name in state if name not in (_GLOBAL, _GLOBAL_CUDA)]
        streams = {name: self._restored(name, state[name]) for name in own}
        _set_global(state)
        self._streams = streams

    @contextmanager
    def shared(self) -> Iterator[Callable[[], None]]:
        """Give branches the same dropout: call what this yields before each branch but the first.

        `with randomness.shared() as again: first(); again(); second()`. Afterwards torch's own
        generators stand where the first branch left them, whatever the later ones drew.
        """
        start = self._global()
        left: list[State] = []

        def again() -> None:
            left.append(self._global())
            _set_global(start)

        yield again
        if left:
            _set_global(left[0])

    def _new(self, name: str) -> torch.Generator:
        if name in (_GLOBAL, _GLOBAL_CUDA):
            raise ValueError(f"{name!r} is the name of torch's own generator; choose another.")
        return torch.Generator(self.device).manual_seed(_derive(self.seed, name))

    def _restored(self, name: str, saved: Tensor) -> torch.Generator:
        stream = self._new(name)
        if stream.get_state().shape != saved.shape:
            raise ValueError(
                f"The random state {name!r} was saved on another kind of device than "
                f"{self.device.type}; continue there."
            )
        return stream.set_state(saved.cpu())

    def _global(self) -> State:
        found = {_GLOBAL: torch.get_rng_state()}
        if self.device.type == "cuda":
            found[_GLOBAL_CUDA] = torch.cuda.get_rng_state(self.device)
        return found


def _set_global(state: Mapping[str, Tensor]) -> None:
    torch.set_rng_state(state[_GLOBAL].cpu())
    if _GLOBAL_CUDA in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state[_GLOBAL_CUDA].cpu())


def _derive(seed: int, name: str) -> int:
    """A 63-bit seed from (seed, name), the same in every process (unlike `hash`)."""
    digest = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
