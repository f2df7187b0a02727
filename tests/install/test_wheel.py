"""A wheel, installed far from the checkout, finds everything that comes with the program."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOOK = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import engine.contract.catalogue as catalogue
from engine.contract.assets import asset
assert Path(catalogue.__file__).is_relative_to(sys.argv[1]), catalogue.__file__
assert asset("fonts").is_relative_to(sys.argv[1]), asset("fonts")
assert {"points-meanflow", "emoji-16-meanflow"} <= set(catalogue.presets())
assert {d.name for d in catalogue.shipped_data()} >= {"emoji-16", "emoji-32"}
assert catalogue.shipped_models()
for name in catalogue.shipped_models():
    run = asset("models") / name
    assert (run / "spec.toml").is_file() and (run / "journal").is_file(), name
    assert list((run / "film").glob("*.safetensors")), name
assert list(asset("fonts").glob("*.otf")) and list(asset("icons").glob("*.svg"))
from engine.data.open import open_data
open_data("emoji-16", Path("nowhere"))
import studio.app
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, unpacked into a folder of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    quiet = {**os.environ, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    build = ["build", "--wheel", "--no-isolation", "--outdir", folder / "dist", ROOT]
    run("-m", *build, env=quiet)
    (wheel,) = (folder / "dist").glob("*.whl")
    run(
        "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder / "lib", wheel, env=quiet
    )
    return folder


def run(*words: object, **more: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, **more)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_an_installed_wheel_finds_its_assets(installed):
    run("-c", LOOK, installed / "lib", cwd=installed)


def test_the_wheel_is_small_and_carries_its_notices(installed):
    (wheel,) = (installed / "dist").glob("*.whl")
    assert wheel.stat().st_size < 30 << 20
    info = next((installed / "lib").glob("flowmap_studio-*.dist-info"))
    assert {p.name for p in info.rglob("*") if p.is_file()} >= {"LICENSE", "NOTICE.md"}
    entries = (info / "entry_points.txt").read_text()
    assert "flowmap-studio" in entries
    assert "flowmap-engine" in entries
