"""`python -m fake_hub` is `python -m engine.hub` with train workers that need no torch.

In the environment FAKE_SILENCE gives the seconds of a silence; FAKE_LIBRARY lets a library print.
"""

import os
import sys

import engine.hub.hub
import engine.hub.silence
import engine.hub.training
from engine.contract.messages import GetCatalogue
from engine.hub import files
from engine.hub.__main__ import main

engine.hub.training.WORKER = "fake_train_worker"
engine.hub.training.PAUSE = 0.02
engine.hub.hub.GRACE = 1.0
engine.hub.silence.OTHER = float(os.environ.get("FAKE_SILENCE", engine.hub.silence.OTHER))
catalogue = files.catalogue


def chatty(workspace, request: GetCatalogue):
    """A library that prints a megabyte by every road to stdout."""
    for _ in range(1 << 9):
        os.write(1, b"stray " * 170 + b"\n")
        sys.stdout.write("print " * 170 + "\n")
    sys.stdout.flush()
    return catalogue(workspace, request)


if "FAKE_LIBRARY" in os.environ:
    files.catalogue = chatty

if __name__ == "__main__":
    main()
