"""The run that a shipped model comes from: its film, to look back at."""

from pathlib import Path

from engine.exchange.header import read_header
from engine.runs.folder import FRAME, RunFolder


class ShippedRun(RunFolder):
    """A run folder beside a shipped model, with frames and no checkpoint; nothing writes there.

    The model is its last step, so its weights lie there once.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.model = self.path.with_name(f"{self.name}{FRAME}")

    def kept(self) -> list[int]:
        """See RunFolder. Raises ModelError."""
        return [*self.frames(), read_header(self.model).step]
