"""`python -m engine.hub --stdio`: the hub on stdin and stdout.

Where a hub of this workspace lives in the background, bytes are carried to it instead. Nothing
heavy is imported before that is known, and before the process has forked.
"""

import argparse
import faulthandler
import os
import sys
from pathlib import Path

from engine.hub.guardian import guarded, log_to
from engine.hub.meeting import meet
from engine.hub.place import default_workspace
from engine.hub.pump import pump


def main() -> None:
    """Read the command line, then serve."""
    faulthandler.enable()  # the stack of a crash goes where stderr goes: into the engine's log
    parser = argparse.ArgumentParser(prog="engine.hub", description=__doc__)
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--stdio", action="store_true", help="serve a window on stdin and stdout")
    how.add_argument("--attach", action="store_true", help="only a hub that lives already")
    how.add_argument("--detached", action="store_true", help="serve behind a socket")
    parser.add_argument("--workspace", type=Path, default=None)
    chosen = parser.parse_args()
    workspace = chosen.workspace.absolute() if chosen.workspace else default_workspace()
    if chosen.detached:
        _serve_detached(workspace)
        return
    met = meet(workspace)
    if met and not met.busy:
        _leave(pump(met.connection))
    if chosen.attach:
        window = f"is open in another window (process {met.window})" if met else ""
        sys.stderr.write(f"{workspace} {window or 'has no engine in the background'}.\n")
        sys.exit(2)
    guard = guarded()

    from engine.hub.service import run

    run(workspace, guard)


def _serve_detached(workspace: Path) -> None:
    from engine.hub.service import run_detached

    workspace.mkdir(parents=True, exist_ok=True)
    ready = os.dup(1)
    log_to(workspace / "hub.log")
    os.dup2(ready, 1)
    os.close(ready)
    run_detached(workspace)


def _leave(code: int) -> None:
    """At once: a thread still waits for stdin."""
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
