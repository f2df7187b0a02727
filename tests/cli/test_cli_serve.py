"""`serve --stdio` is the hub: it greets, answers and leaves when its stream ends."""

import subprocess
import sys

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
