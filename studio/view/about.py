"""What the program says about itself."""

import PySide6

from engine.contract.version import VERSION

INSTALL = 'pip install "flowmap-studio[engine]"'
GET_ENGINE = (
    "Training and exploring need PyTorch, which is not installed beside this window. "
    f"Install it by {INSTALL} (in a checkout: make run), then look again."
)
NO_TORCH = "PyTorch is not installed; the Help menu says how to get the engine."


def sentence() -> str:
    """Name, version, licence and what it stands on."""
    return (
        f"Flow Map Studio {VERSION} · Apache-2.0 · PySide6 {PySide6.__version__} · "
        "Inter (OFL) · Lucide icons (ISC)"
    )
