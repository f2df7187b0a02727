"""Tensors that lie in a safetensors file, described before any of them is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from engine.contract.tensor_file import Described
from engine.exchange.errors import ModelError
from engine.exchange.header import described


@dataclass(frozen=True)
class TensorFile:
    """A file of tensors: what it claims to hold, which its size bears out, and where it lies."""

    path: Path
    described: Mapping[str, Described]
    metadata: Mapping[str, str]

    def load(self) -> dict[str, Tensor]:
        """The tensors, on the CPU. Raises ModelError where the file has changed meanwhile."""
        try:
            return load_file(self.path)
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{self.path} cannot be read: {error}.") from error


def tensor_file(path: Path) -> TensorFile:
    """The file at `path`; only its header is read. Raises ModelError."""
    header = described(path)
    return TensorFile(path, header.tensors, header.metadata)
