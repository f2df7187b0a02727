"""`serve --stdio` is the hub: it greets, answers and leaves when its stream ends."""

import os
import subprocess
import sys

import pytest

from engine.contract import frames
from engine.contract.messages import Catalogue, GetCatalogue, Hello, decode, encode


def test_serve_speaks_frames_and_leaves_at_the_end_of_the_stream(tmp_path):
    command = [sys.executable, "-m", "engine.cli", "serve", "--stdio", "--workspace", tmp_path]
    asked = encode(Hello("test")), encode(GetCatalogue(1))
    done = subprocess.run(
        [str(word) for word in command],
        input=b"".join(frames.encode(header) for header in asked),
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found = [decode(header) for header, _ in frames.Decoder().feed(done.stdout)]
    assert isinstance(found[0], Hello)
    assert [m.id for m in found if isinstance(m, Catalogue)] == [1]


NO_TORCH = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
sys.meta_path.insert(0, Hidden())
"""


@pytest.mark.parametrize(
    "words", [("sample", "points-spiral", "--out", "a.npy"), ("train", "points-fm", "--run", "r")]
)
def test_without_torch_it_is_one_sentence(tmp_path, words):
    (tmp_path / "sitecustomize.py").write_text(NO_TORCH)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "engine.cli", *words]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("PyTorch is not installed; install it with")
    assert done.stderr.count("\n") == 1
