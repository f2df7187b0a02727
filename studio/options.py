"""What the command line of the studio asks for."""

import argparse
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
