"""`make bench`: what is measured, printed; nothing here passes or fails.

`python -m tests.bench [name ...]` runs some of it; `soak`, which takes its `--minutes`, runs only
where it is named. Figures are ratios within one run, or distributions with the load beside them; on
a busy machine read the ratios only.
"""

import argparse
import os
import sys
from importlib import import_module

BENCHES = (
    "window",
    "scrub",
    "slowed",
    "particles",
    "overhead",
    "points",
    "costs",
    "history",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name")
    parser.add_argument("--minutes", type=float, default=20.0, help="of the soak")
    chosen = parser.parse_args()
    for name in chosen.names or BENCHES:
        bench = import_module(f"tests.bench.{name}")  # alone: what one loads is no other's memory
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
        print(f"\n== {name}: {bench.__doc__} (load {load:.1f}, {os.cpu_count()} cores)")
        sys.stdout.flush()
        bench.main(*((chosen.minutes,) if name == "soak" else ()))


if __name__ == "__main__":
    main()
