"""The studio's entry point: read the command line, refuse what cannot work, open the window."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.contract.version import VERSION


@dataclass(frozen=True)
class Options:
    """What the command line asked for."""

    target: str = ""  # a run, a model or a file to open
    workspace: Path | None = None
    theme: str = ""
    demo: bool = False
    out: Path = Path("demo")


def main(argv: Sequence[str] | None = None) -> int:
    """Open the window and return the exit status when it is closed."""
    options = read(argv)
    import PySide6

    if why := refusal(sys.version_info[:2], PySide6.__version__):
        sys.stderr.write(why + "\n")
        return 1
    from studio.start import run

    return run(options)


def read(argv: Sequence[str] | None = None) -> Options:
    """The options of a command line; leaves with status 2 and a sentence for a bad one."""
    parser = argparse.ArgumentParser(
        prog="flowmap-studio", description="Train flow maps and take hold of them."
    )
    parser.add_argument("target", nargs="?", default="", help="a run, a model or a file to open")
    parser.add_argument("--workspace", type=Path, help="where runs and imported data lie")
    parser.add_argument("--theme", choices=("dark", "light"), default="")
    parser.add_argument("--demo", action="store_true", help="perform a guided flight and leave")
    parser.add_argument("--out", type=Path, default=Path("demo"), help="where --demo writes")
    parser.add_argument("--version", action="version", version=VERSION)
    return Options(**vars(parser.parse_args(argv)))


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
