"""What all tests share: windows are never shown by chance, and die on the main thread alone."""

import gc
import os
from collections.abc import Iterator

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(autouse=True)
def _windows_die_on_the_main_thread(request: pytest.FixtureRequest) -> Iterator[None]:
    """As in the studio: else a test's thread collects the windows of the test before it."""
    if not any(request.node.get_closest_marker(name) for name in ("gui", "xvfb")):
        yield
        return
    from studio.garbage import collect_due

    gc.disable()
    yield
    collect_due()
