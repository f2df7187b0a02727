"""Writing an exported file: whole or not at all."""

import errno
from pathlib import Path

from engine.contract.files import write_whole

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
    try:
        write_whole(path, content)
    except OSError as error:
        sentence = _SENTENCES.get(error.errno or 0, "{name} was not written: {reason}.")
        raise ExportError(
            sentence.format(name=path.name, folder=path.parent, reason=error.strerror or error)
        ) from error
