"""What may be imported from where: the contracts hold, and they would notice."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)


def test_the_studio_starts_without_torch_or_plots():
    code = "import studio.app, sys; assert not {'torch', 'pyqtgraph', 'h5py'} & set(sys.modules)"
    assert run_python(code).returncode == 0


def test_the_hub_starts_without_torch_and_qt():
    code = (
        "import engine.hub.__main__, sys;"
        "assert not {'torch', 'PySide6', 'h5py'} & set(sys.modules), sorted(sys.modules)"
    )
    assert run_python(code).returncode == 0


def test_packaging_is_not_a_package():
    """An __init__.py there would hide the library of that name."""
    assert not (ROOT / "packaging" / "__init__.py").exists()


def test_the_import_contracts_notice_a_breach(tmp_path):
    """A copy of the tree in which the studio imports torch must fail the contracts."""
    for name in ("engine", "studio"):
        for source in (ROOT / name).rglob("*.py"):
            target = tmp_path / source.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(source.read_text("utf-8"), "utf-8")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text("utf-8"), "utf-8")
    breach = tmp_path / "studio" / "model" / "breach.py"
    breach.write_text("import torch\nfrom studio.view import window\n", "utf-8")
    lint = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    done = subprocess.run(lint, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode != 0
    assert "studio.model.breach -> torch" in done.stdout
    assert "studio.model.breach -> studio.view.window" in done.stdout
