"""Everything busy for a while: nothing is opened that is not closed again, and nothing fails."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.gui, pytest.mark.slow]  # half a minute
ROOT = Path(__file__).parents[2]


def test_descriptors_threads_and_temporary_files_do_not_grow():
    """News at a hundred times their pace, slider moves, both pages and three models in turn."""
    command = [sys.executable, "-m", "tests.bench", "soak", "--minutes", "0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    first, last = json.loads(done.stdout.splitlines()[-1])
    assert set(first) == set(last)
    assert {name for name in first if last[name] > first[name]} == set()
