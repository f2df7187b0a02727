"""The worker's answers, its inbox, and what it does when things go wrong."""

import os

import numpy as np
import pytest
from explore_support import add_checkpoint, exact_model, make_run, picture_model

from engine.contract import frames, messages
from engine.contract.arrays import unpack
from engine.contract.errors import UserError
from engine.contract.messages import (
    Chord,
    Done,
    GetRuns,
    Hello,
    Jump,
    Jumped,
    Look,
    Map,
    Opened,
    OpenModel,
    PictureFields,
    Pixels,
    Refused,
    Sample,
    Sampler,
    Source,
    Threads,
    Trace,
    Traced,
)
from engine.data.pixels import to_pixels
from engine.explore import answers as module
from engine.explore.answers import KEPT, Answers
from engine.explore.carrying import carried_once
from engine.explore.draws import start
from engine.explore.jumps import state_at, states
from engine.explore.truth import truth
from engine.explore.ways import Abandoned
from engine.worker import explore
from engine.worker.process import Channel


@pytest.fixture
def answers(workspace):
    found = Answers(lambda: True)
    found.workspace = workspace
    return found


def test_a_model_is_opened_once_and_again_when_it_is_newer(answers, workspace, monkeypatch):
    folder = make_run(workspace, steps=(10,))
    loads = []
    load = module.open_place
    monkeypatch.setattr(module, "open_place", lambda *a: loads.append(a) or load(*a))
    for _ in range(3):
        opened, _ = answers.answer(OpenModel(1, "run"))
        assert isinstance(opened, Opened)
        assert opened.model.step == 10
    assert len(loads) == 1
    add_checkpoint(folder, 20)
    answers.answer(Jump(2, "run", Source(), 1.0, 0.0))
    assert len(loads) == 1  # a jump takes what is open
    assert answers.answer(OpenModel(3, "run"))[0].model.step == 20
    assert len(loads) == 2


def test_few_models_are_kept(answers, workspace, monkeypatch):
    loads = []
    load = module.open_place
    monkeypatch.setattr(module, "open_place", lambda *a: loads.append(a[0]) or load(*a))
    names = [f"run{k}" for k in range(KEPT + 1)]
    for name in names:
        make_run(workspace, name, steps=(10,))
        answers.answer(OpenModel(1, name))
    for name in (names[-1], names[1], names[0]):
        answers.answer(Jump(1, name, Source(), 1.0, 0.0))
    assert loads == [*names, names[0]]


def test_points_are_answered_as_numbers(answers, workspace):
    make_run(workspace)
    jumped, payload = answers.answer(Jump(5, "run", Source(count=9), 0.7, 0.2, 3))
    assert isinstance(jumped, Jumped)
    assert (jumped.id, jumped.t, jumped.s, jumped.nfe, jumped.outside) == (5, 0.7, 0.2, 3, False)
    assert jumped.memory > 0
    arrays = unpack(jumped.arrays, payload)
    found = states(answers._model("run"), Source(count=9), 0.7, 0.2, 3)
    np.testing.assert_array_equal(arrays["x_t"], found.x_t.numpy())
    np.testing.assert_array_equal(arrays["x_s"], found.x_s.numpy())
    assert arrays["x_s"].dtype == np.float32


def test_pictures_are_answered_as_pictures(answers, workspace, monkeypatch):
    monkeypatch.setattr(module, "open_place", lambda *_: picture_model(workspace))
    monkeypatch.setattr(module, "resolve", lambda *_: None)
    shown, payload = answers.answer(Jump(1, "m", Source("data", 0, 4), 0.0, 0.0))
    pictures = unpack(shown.arrays, payload)["x_t"]
    assert pictures.shape == (4, 16, 16, 3)
    assert pictures.dtype == np.uint8
    raw, payload = answers.answer(Jump(1, "m", Source("data", 0, 4), 0.0, 0.0, raw=True))
    numbers = unpack(raw.arrays, payload)["x_t"]
    assert numbers.shape == (4, 3, 16, 16)
    np.testing.assert_allclose(
        pictures.transpose(0, 3, 1, 2), (numbers + 1) * 127.5, rtol=0, atol=0.501
    )


def test_brightness_is_clipped_and_rounded():
    import torch

    x = torch.tensor([-2.0, -1.0, -0.999, 0.0, 0.999, 1.0, 3.0]).reshape(1, 1, 1, 7)
    assert to_pixels(x).reshape(-1).tolist() == [0, 0, 0, 128, 255, 255, 255]


def test_paths_are_answered(answers, workspace, monkeypatch):
    monkeypatch.setattr(module, "open_place", lambda *_: exact_model(workspace))
    monkeypatch.setattr(module, "resolve", lambda *_: None)
    traced, payload = answers.answer(Trace(3, "m", Source(count=30), 1.0, 0.5, 4, 5))
    assert isinstance(traced, Traced)
    arrays = unpack(traced.arrays, payload)
    shapes = {name: array.shape for name, array in arrays.items()}
    assert shapes == {"learned": (4, 5, 2), "exact": (4, 5, 2), "exact_x_s": (30, 2)}


def test_what_is_too_large_for_a_frame_is_refused(answers, workspace):
    make_run(workspace)
    with pytest.raises(UserError, match="take at most 4194304"):
        answers.answer(Jump(1, "run", Source(count=5_000_000), 1.0, 0.0))


# The worker: what it takes next, and that nothing brings it down.


@pytest.fixture
def stream():
    """A channel of the worker, how to write to it, and how to read what it sent."""
    (reader, ours_out), (ours_in, writer) = os.pipe(), os.pipe()
    yield Channel(reader, writer), ours_out, ours_in
    for handle in (ours_out, ours_in, writer):
        try:
            os.close(handle)
        except OSError:
            continue


def send(handle, *wanted):
    os.write(handle, b"".join(frames.encode(messages.encode(message)) for message in wanted))


def sent(handle):
    os.set_blocking(handle, False)
    try:
        data = os.read(handle, 1 << 20)
    except BlockingIOError:
        return []
    return [messages.decode(header) for header, _ in frames.Decoder().feed(data)]


def jump(id):
    return Jump(id, "m", Source(), 1.0, 0.0)


def trace(id):
    return Trace(id, "m", Source(), 1.0, 0.0)


def area(id):
    return Map(id, "m", "error", Source(), ((1.0, 0.0),))


def test_the_newest_jump_wins_and_every_id_is_answered(stream, tmp_path):
    channel, ours_out, ours_in = stream
    wanted = [
        Hello("hub", workspace=str(tmp_path)),
        Threads(3),
        *map(trace, (1, 2)),
        *map(jump, (3, 4, 5)),
        OpenModel(6, "a"),
        OpenModel(8, "b"),
        Look(9, "b", Sample()),
        GetRuns(7),
    ]
    send(ours_out, *wanted)
    inbox, answered = explore.Inbox(channel), []
    while not answered or answered[-1].id != 7:
        inbox.look()
        answered += sent(ours_in)
    got = [inbox.next().id for _ in range(5)]
    assert got == [6, 8, 9, 5, 2]
    assert (inbox.workspace, inbox.threads) == (tmp_path, 3)
    refused = {m.id: m.message for m in answered}
    assert {id: text for id, text in refused.items() if id != 7} == dict.fromkeys(
        (1, 3, 4), "superseded"
    )
    assert "GetRuns" in refused[7]


def test_the_inbox_ends_with_its_stream(stream):
    channel, ours_out, _ = stream
    send(ours_out, jump(1))
    os.close(ours_out)
    inbox = explore.Inbox(channel)
    channel.ended.wait(20)
    assert inbox.next() is None


def test_looking_tells_whether_something_more_urgent_waits(stream):
    channel, ours_out, _ = stream
    inbox = explore.Inbox(channel)
    assert inbox.look()
    send(ours_out, jump(1))
    while inbox.look():
        pass
    assert inbox.next() == jump(1)
    assert inbox.look()


def test_what_is_under_way_is_given_up_for_what_goes_before_it_only(stream):
    channel, ours_out, _ = stream
    inbox = explore.Inbox(channel)
    send(ours_out, trace(1))
    assert inbox.next() == trace(1)
    send(ours_out, area(2), Threads(5))
    while inbox.threads != 5:
        assert inbox.look()
    assert inbox.next() == area(2)
    send(ours_out, trace(3))
    while inbox.look():
        pass
    assert inbox.next() == trace(3)
    send(ours_out, trace(4))
    while inbox.look():
        pass


@pytest.mark.parametrize(
    "closer",
    [
        Pixels(2, "m", Source(), 1.0, 0.0, ((0, 0, 0),)),
        PictureFields(2, "m", Source(), 1.0, 0.0),
        Chord(2, "m", (0.0, 0.0), 1.0, 0.0),
    ],
)
def test_a_jump_goes_before_what_looks_closer_and_ends_it(stream, closer):
    channel, ours_out, _ = stream
    inbox = explore.Inbox(channel)
    send(ours_out, area(1), closer, jump(3), Threads(5))
    while inbox.threads != 5:
        inbox.look()
    assert [inbox.next() for _ in range(3)] == [jump(3), closer, area(1)]
    send(ours_out, closer)
    while inbox.look():
        pass
    assert inbox.next() == closer
    assert inbox.look()
    send(ours_out, jump(4))
    while inbox.look():
        pass


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (UserError("A sentence."), "A sentence."),
        (Abandoned(), "superseded"),
        (MemoryError(), "Memory ran out"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "Memory ran out"),
        (ValueError("odd"), "a fault of its own: ValueError('odd')"),
    ],
)
def test_whatever_goes_wrong_is_a_refusal(answers, monkeypatch, error, words, capsys):
    def broken(*_):
        raise error

    monkeypatch.setattr(Answers, "answer", broken)
    refused, payload = explore._refusing(answers, Done(4))
    assert isinstance(refused, Refused)
    assert (refused.id, payload) == (4, b"")
    assert words in refused.message


def test_where_memory_ran_out_nothing_of_earlier_questions_is_kept(answers, workspace, monkeypatch):
    make_run(workspace)
    kept = (start, state_at, carried_once, truth)
    loaded, source = answers._model("run"), Source(count=9)
    answers.answer(Trace(4, "run", source, 0.7, 0.2))
    carried_once(loaded, source, False, Sampler(), -1)
    truth(loaded, source)
    assert all(cache.cache_info().currsize for cache in kept)

    def broken(*_):
        raise MemoryError

    monkeypatch.setattr(Answers, "answer", broken)
    explore._refusing(answers, jump(5))
    assert not any(cache.cache_info().currsize for cache in kept)


def test_real_mistakes_are_sentences(answers, workspace):
    make_run(workspace)
    for request in (
        OpenModel(1, "nothing"),
        Jump(1, "run", Source(), 2.0, 0.0),
        Jump(1, "run", Source(count=0), 1.0, 0.0),
        Jump(1, "run", Source(label=3), 1.0, 0.0),
        Trace(1, "run", Source(), 1.0, 0.0, points=0),
    ):
        refused, _ = explore._refusing(answers, request)
        assert isinstance(refused, Refused)
        assert "fault" not in refused.message
    assert isinstance(explore._refusing(answers, OpenModel(1, "run"))[0], Opened)
