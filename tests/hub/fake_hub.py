"""`python -m fake_hub` is `python -m engine.hub` with train workers that need no torch."""

import engine.hub.hub
import engine.hub.training
from engine.hub.__main__ import main

engine.hub.training.WORKER = "fake_train_worker"
engine.hub.training.PAUSE = 0.02
engine.hub.hub.GRACE = 1.0

if __name__ == "__main__":
    main()
