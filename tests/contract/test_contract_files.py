"""A file is there whole or not at all."""

import errno
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.files import TEMPORARY, WAITS, sync, whole_file, write_synced, write_whole


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_the_newest_content_stands_alone(tmp_path_factory, first, second):
    path = tmp_path_factory.mktemp("files") / "a"
    for content in (first, second):
        write_whole(path, content)
        assert path.read_bytes() == content
        assert os.listdir(path.parent) == ["a"]


@pytest.mark.parametrize("durable", [True, False])
def test_nothing_is_seen_before_the_end(tmp_path, durable):
    path = tmp_path / "a"
    write_synced(path, b"old")
    with whole_file(path, durable) as file:
        file.write(b"new")
        file.seek(0)
        assert file.read() == b"new"
        assert path.read_bytes() == b"old"
        (beside,) = (name for name in os.listdir(tmp_path) if name != "a")
        assert beside.startswith(TEMPORARY)
    assert path.read_bytes() == b"new"


def test_whatever_ends_the_block_leaves_the_old_file(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def interrupted():
        with whole_file(path) as file:
            file.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_the_disk_has_the_file_before_it_has_its_name(tmp_path, monkeypatch):
    seen, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (seen.append("fsync"), fsync(handle)))
    monkeypatch.setattr(os, "replace", lambda a, b: (seen.append("replace"), replace(a, b)))
    write_whole(tmp_path / "a", b"new")
    assert seen == ["fsync", "replace", "fsync"]  # the last one is the folder's
    seen.clear()
    write_whole(tmp_path / "a", b"newer", durable=False)
    assert seen == ["replace"]


def test_a_folder_that_cannot_be_synced_does_no_harm(tmp_path, monkeypatch):
    fsync, calls = os.fsync, []

    def only_files(handle):
        calls.append(handle)
        if len(calls) > 1:
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", only_files)
    write_whole(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"


def test_a_long_name_leaves_room_for_its_temporary_one(tmp_path):
    write_whole(tmp_path / ("a" * 255), b"new")
    assert os.listdir(tmp_path) == ["a" * 255]
    with pytest.raises(OSError, match="too long"):
        write_whole(tmp_path / ("a" * 256), b"new")
    assert os.listdir(tmp_path) == ["a" * 255]


def test_what_cannot_be_synced_is_an_error(tmp_path):
    sync(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync(tmp_path / "gone")


def held(monkeypatch, times, calls):
    """As a folder that is synchronised holds a name: so many tries are refused."""
    replace = os.replace

    def refusing(made, path):
        calls.append(str(path))
        if len(calls) <= times:
            raise PermissionError(13, "Permission denied", str(path))
        replace(made, path)

    monkeypatch.setattr(os, "replace", refusing)
    monkeypatch.setattr("engine.contract.files.WAITS", (0.001,) * len(WAITS))


@pytest.mark.parametrize("times", [0, 1, 5])
def test_a_name_that_is_held_for_a_moment_is_taken_after_it(tmp_path, monkeypatch, times):
    path, calls = tmp_path / "x", []
    path.write_bytes(b"old")
    held(monkeypatch, times, calls)
    write_whole(path, b"new")
    assert len(calls) == times + 1
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["x"]


def test_a_name_that_stays_held_is_an_error_and_what_stood_there_stays(tmp_path, monkeypatch):
    path, calls = tmp_path / "x", []
    path.write_bytes(b"old")
    held(monkeypatch, 99, calls)
    with pytest.raises(PermissionError):
        write_whole(path, b"new")
    assert len(calls) == 6  # and five tries more than one
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x"]


def test_another_error_is_not_tried_again(tmp_path, monkeypatch):
    calls = []

    def full(made, path):
        calls.append(path)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(tmp_path / "x", b"new")
    assert len(calls) == 1


def test_waiting_for_a_name_is_short():
    assert 5 <= len(WAITS) <= 8
    assert sum(WAITS) < 1
