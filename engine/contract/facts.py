"""What an exported file says about where it comes from."""

import json
from dataclasses import asdict, dataclass, field

from engine.contract.version import VERSION


@dataclass(frozen=True)
class Facts:
    """The state that an export shows; the same words in every format.

    Text chunks of PNG, the metadata of SVG, comments of GIF and MP4, JSON in NPZ, attributes in
    HDF5. `more` holds what only some exports have; `command` makes the file again.
    """

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
    command: str = ""
    more: dict[str, object] = field(default_factory=dict)

    def values(self) -> dict[str, object]:
        """Every fact by its name."""
        found: dict[str, object] = asdict(self)
        del found["more"]
        return found | self.more

    def texts(self) -> dict[str, str]:
        """Every fact as text, by name."""
        return {name: str(value) for name, value in self.values().items()}

    def json(self) -> str:
        """Every fact as one JSON object."""
        return json.dumps(self.values())

    def lines(self) -> tuple[str, str]:
        """The two lines under an annotated picture."""
        label = f" · {self.label}" if self.label else ""
        return (
            f"{self.model} · {self.method} · {self.data} · step {self.step:,}",
            f"t {self.t:.3f} → s {self.s:.3f} · {self.nfe} NFE · "
            f"{self.source} · seed {self.seed}{label}",
        )
