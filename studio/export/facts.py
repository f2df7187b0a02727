"""What an exported file says about where it comes from."""

import json
from dataclasses import asdict, dataclass

from engine.contract.version import VERSION


@dataclass(frozen=True)
class Facts:
    """The state that an export shows; the same words in PNG text, SVG metadata and NPZ."""

    model: str
    method: str
    data: str
    step: int
    ema: float
    t: float
    s: float
    nfe: int
    source: str  # noise or data
    seed: int
    count: int
    label: str = ""  # empty: all classes
    program: str = f"Flow Map Studio {VERSION}"

    def texts(self) -> dict[str, str]:
        """Every fact as text, by name."""
        return {name: str(value) for name, value in asdict(self).items()}

    def json(self) -> str:
        """Every fact as one JSON object."""
        return json.dumps(asdict(self))

    def lines(self) -> tuple[str, str]:
        """The two lines under an annotated picture."""
        label = f" · {self.label}" if self.label else ""
        return (
            f"{self.model} · {self.method} · {self.data} · step {self.step:,}",
            f"t {self.t:.3f} → s {self.s:.3f} · {self.nfe} NFE · "
            f"{self.source} · seed {self.seed}{label}",
        )
