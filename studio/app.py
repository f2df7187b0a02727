"""The studio's entry point: read the command line, refuse what cannot work, open the window."""

import sys
from collections.abc import Sequence

from studio.options import read


def main(argv: Sequence[str] | None = None) -> int:
    """Open the window and return the exit status when it is closed."""
    options = read(argv)
    import PySide6

    if why := refusal(sys.version_info[:2], PySide6.__version__):
        sys.stderr.write(why + "\n")
        return 1
    from studio.start import run

    return run(options)


def refusal(python: tuple[int, ...], pyside: str) -> str:
    """Why this PySide6 cannot run on this Python, "" where it can.

    From 6.12 PySide6 drops a reference of None with every call that returns nothing; before
    Python 3.12, where None became immortal, the process aborts within seconds.
    """
    version = tuple(int(part) for part in pyside.split(".")[:2])
    if version < (6, 12) or python >= (3, 12):
        return ""
    running = ".".join(map(str, python[:2]))
    return (
        f"PySide6 {pyside} aborts on Python {running}: install an older one with "
        "pip install 'PySide6-Essentials<6.12', or use Python 3.12 or newer."
    )
