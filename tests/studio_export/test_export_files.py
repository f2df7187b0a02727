"""Files arrive whole or not at all."""

import errno
import os

import pytest

from studio.export.files import ExportError, replace_file


def test_a_file_has_what_was_written(tmp_path):
    replace_file(tmp_path / "a.bin", b"new")
    assert (tmp_path / "a.bin").read_bytes() == b"new"
    replace_file(tmp_path / "a.bin", b"newer")
    assert (tmp_path / "a.bin").read_bytes() == b"newer"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("step", ["fsync", "replace", "chmod", "open"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_failure_at_any_step_leaves_the_old_file_as_it_was(tmp_path, monkeypatch, step, code):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def fail(*args, **named):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(ExportError) as caught:
        replace_file(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]
    assert str(caught.value).endswith(".")
    assert "a.bin" in str(caught.value) or str(tmp_path) in str(caught.value)


def test_a_full_disk_says_so(tmp_path, monkeypatch):
    def fail(*args, **named):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ExportError, match="The disk is full"):
        replace_file(tmp_path / "a.bin", b"new")


def test_a_folder_that_is_not_there_says_so(tmp_path):
    with pytest.raises(ExportError, match="is not there"):
        replace_file(tmp_path / "gone" / "a.bin", b"new")


def test_a_folder_in_the_way_is_left_alone(tmp_path):
    (tmp_path / "a.bin").mkdir()
    with pytest.raises(ExportError, match="is a folder"):
        replace_file(tmp_path / "a.bin", b"new")
    assert (tmp_path / "a.bin").is_dir()


def test_a_name_that_is_too_long_says_so(tmp_path):
    with pytest.raises(ExportError, match="too long"):
        replace_file(tmp_path / ("a" * 300), b"new")


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    replace_file(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_rights_are_kept_and_new_files_follow_the_umask(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    path.chmod(0o640)
    replace_file(path, b"new")
    assert path.stat().st_mode & 0o777 == 0o640
    replace_file(tmp_path / "b.bin", b"new")
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "b.bin").stat().st_mode & 0o777 == 0o666 & ~mask
