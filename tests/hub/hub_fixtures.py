"""What every test of real or fake engine processes shares: a workspace, and nothing left behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_support import MARK, marked, new_mark, wait_until

LEAVING = 30.0  # seconds for a worker with torch in it to save and leave


@pytest.fixture(autouse=True)
def no_process_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fails a test that leaves a process, and ends it."""
    mark = new_mark()
    monkeypatch.setenv(MARK, mark)
    yield
    try:
        wait_until(lambda: not marked(mark), LEAVING)
    finally:
        left = marked(mark)
        for process in left:
            process.kill()
        assert not left, f"left behind: {left}"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return tmp_path / "workspace"
