"""Real processes; none may be left behind. The helpers are those of the hub's own tests."""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "hub"))

from hub_fixtures import no_process_left, workspace
from small_disk import possible

__all__ = ["no_process_left", "workspace"]

with tempfile.TemporaryDirectory() as folder:
    # Some containers let nobody mount; the limit on files stands in there.
    collect_ignore = [] if possible(Path(folder)) else ["test_full_disk.py"]
