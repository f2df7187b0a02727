"""`make bench`: what is measured, printed; nothing here passes or fails.

`python -m tests.bench [name ...]` runs some of it. Figures are ratios within one run, or
distributions with the machine's load beside them; on a busy machine read the ratios only.
"""

import os
import sys

from tests.bench import costs, overhead, particles, points, scrub, window

BENCHES = {
    "window": window,
    "scrub": scrub,
    "particles": particles,
    "overhead": overhead,
    "points": points,
    "costs": costs,
}


def main() -> None:
    wanted = sys.argv[1:] or list(BENCHES)
    for name in wanted:
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
        print(f"\n== {name}: {BENCHES[name].__doc__} (load {load:.1f}, {os.cpu_count()} cores)")
        sys.stdout.flush()
        BENCHES[name].main()


if __name__ == "__main__":
    main()
