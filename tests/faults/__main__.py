"""`python -m tests.faults --kills 200`: kills at random moments, and what they cost.

Whatever was acknowledged (rows of the journal that a window had read, finished files, sealed
checkpoints) must be there afterwards, and no process may be left.
"""

import argparse
import itertools
import os
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.faults import file_scenes, process_scenes, training_scenes
from tests.faults.tally import Place, Tally
from tests.hub.hub_support import MARK, new_mark
from tests.together.terminal import ROOT

Scene = Callable[[Place, Tally], None]
# In a round of twenty, how often each scene plays.
SCENES: dict[str, tuple[Scene, int]] = {
    "train": (training_scenes.at_any_moment, 6),
    "checkpoint": (training_scenes.in_a_checkpoint, 5),
    "cache": (file_scenes.cache_is_built, 3),
    "export": (file_scenes.export_is_written, 3),
    "worker": (process_scenes.the_worker_dies, 1),
    "hub": (process_scenes.the_hub_dies, 1),
    "studio": (process_scenes.the_studio_dies, 1),
}


def main() -> int:
    """Play so many kills, print the counts; 1 where one that must be 0 is not."""
    parser = argparse.ArgumentParser(prog="tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--only", choices=SCENES, default=None)
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}", flush=True)
    chance, tally = random.Random(chosen.seed), Tally()
    with tempfile.TemporaryDirectory(prefix="flowmap-faults-") as folder:
        settle(Path(folder))
        names = [name for name, (_, often) in SCENES.items() for _ in range(often)]
        for number in itertools.takewhile(lambda _: tally.struck < chosen.kills, itertools.count()):
            if number % len(names) == 0:
                chance.shuffle(names)
            name = chosen.only or names[number % len(names)]
            place = Path(folder) / name
            place.mkdir(exist_ok=True)
            tally.kills[name] += 1
            SCENES[name][0](Place(place, chance), tally)
            done = f"\r{tally.struck} of {chosen.kills} kills"
            print(done, end="", file=sys.stderr, flush=True)
    print(f"\n{tally}", flush=True)
    return 1 if tally.faults else 0


def settle(folder: Path) -> None:
    """A home of its own for everything that is started, without a screen."""
    os.environ |= {
        MARK: new_mark(),
        "QT_QPA_PLATFORM": "offscreen",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests" / "hub")]),
        "FLOWMAP_WORKSPACE": str(folder / "home" / "workspace"),
    }
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        os.environ[name] = str(folder / "home")
    (folder / "home").mkdir()


if __name__ == "__main__":
    sys.exit(main())
