"""The studio in a real X window, under the hand of xdotool, with its real engine."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image

pytestmark = pytest.mark.xvfb
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def screen() -> Iterator[str]:
    """A virtual screen with a window manager: without one no window becomes active."""
    read, write = os.pipe()
    size = ("-screen", "0", "1600x1000x24", "-nolisten", "tcp")
    command = [tool("Xvfb"), "-displayfd", str(write), *size]
    server = subprocess.Popen(command, pass_fds=(write,), stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as said:
        display = f":{said.readline().strip()}"
    manager = subprocess.Popen([tool("openbox")], env={**os.environ, "DISPLAY": display})
    yield display
    for process in (manager, server):
        process.terminate()
        process.wait(10)


def tool(name: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} is missing; packaging/bootstrap.py installs it"
    return found


def test_a_hand_scrubs_and_trains(screen, tmp_path):
    environment = {**os.environ, "DISPLAY": screen, "QT_QPA_PLATFORM": "xcb"}
    environment |= {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "tests.real_window.flight", str(tmp_path)]
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for name in ("explore.png", "train.png"):
        picture = Image.open(tmp_path / name).convert("RGB")
        assert len(picture.resize((160, 100)).getcolors(16_000)) > 50, f"{name} is blank"
    left = [p for p in psutil.process_iter(["cmdline"]) if str(tmp_path) in str(p.info["cmdline"])]
    assert not left
