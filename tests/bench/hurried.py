"""The hub (with `--stdio`) and its train worker, telling news a hundred times as often."""

import sys

HASTE = 100


def hub() -> None:
    """The real hub, but for its clock and for the module of its train worker."""
    from engine.hub import __main__, training

    training.PERIOD /= HASTE
    training.WORKER = "tests.bench.hurried"
    __main__.main()


def worker() -> int:
    """The real train worker, but for its clock."""
    from engine.worker import heartbeat, train

    heartbeat.PERIOD /= HASTE
    return train.main()


if __name__ == "__main__":
    sys.exit(hub() if "--stdio" in sys.argv else worker())
