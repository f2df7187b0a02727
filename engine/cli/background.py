"""`python -m engine.cli.background WORDS`: a command for the hub, at low priority.

It leaves when its stdin ends, and takes away what it has not finished.
"""

import _thread
import os
import signal
import sys
import threading

from engine.cli.main import main
from engine.contract.commands import PROGRAM
from engine.worker.process import settle

NICENESS = 10  # below the trainings and the explorer


def run() -> None:
    """Run the command of `sys.argv`."""
    settle(NICENESS)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    threading.Thread(target=_leave_with_stdin, daemon=True).start()
    sys.argv[0] = PROGRAM
    main()


def _leave_with_stdin() -> None:
    while os.read(0, 1 << 10):
        pass
    _thread.interrupt_main(signal.SIGTERM)


if __name__ == "__main__":
    run()
