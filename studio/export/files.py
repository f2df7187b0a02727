"""Writing an exported file: whole or not at all."""

import contextlib
import errno
import os
import secrets
from pathlib import Path

_SENTENCES = {
    errno.ENOSPC: "The disk is full: {name} was not written; free some space or choose another.",
    errno.EDQUOT: "Your disk quota is used up: {name} was not written.",
    errno.ENOENT: "The folder {folder} is not there; choose another folder.",
    errno.ENOTDIR: "{folder} is not a folder; choose another folder.",
    errno.EISDIR: "{name} is a folder; choose another name.",
    errno.ENAMETOOLONG: "The name {name} is too long; choose a shorter one.",
    errno.EACCES: "The folder {folder} cannot be written to; choose another folder.",
    errno.EPERM: "The folder {folder} cannot be written to; choose another folder.",
    errno.EROFS: "The folder {folder} cannot be written to; choose another folder.",
}


class ExportError(Exception):
    """A file could not be exported: one sentence for the user."""


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` at `path`; a file that is there stays as it was until the new one is whole.

    Raises ExportError.
    """
    path = Path(os.path.realpath(path))  # writing through a link keeps the link
    try:
        _replace(path, content)
    except OSError as error:
        sentence = _SENTENCES.get(error.errno or 0, "{name} was not written: {reason}.")
        raise ExportError(
            sentence.format(name=path.name, folder=path.parent, reason=error.strerror or error)
        ) from error


def _replace(path: Path, content: bytes) -> None:
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    part = path.with_name(f".{path.name[:40]}.{secrets.token_hex(4)}.part")
    handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    try:
        with open(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
        if path.exists():
            os.chmod(part, path.stat().st_mode)
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise
