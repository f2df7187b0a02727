"""A limit of the system on the size of files, as it refuses a training before its first step."""

import os
import resource

from terminal import refusal, train


def test_a_training_is_refused_in_one_sentence_and_leaves_nothing(tmp_path):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    sentence = refusal(train(tmp_path / "run", 100, preexec_fn=limit))
    assert sentence.startswith(f"Cannot start a run in {tmp_path / 'run'}: a file there would grow")
    assert os.listdir(tmp_path) == []
