"""Paths on the wire: JSON is Unicode, and the name of a file may be any bytes."""

import os
from pathlib import Path
from typing import Any

_BYTES = "bytes:"  # no absolute path begins so


def to_text(path: Path | str) -> str:
    """An absolute path as text that can be sent; as it is where it is Unicode."""
    text = str(path)
    try:
        text.encode()
    except UnicodeEncodeError:
        return _BYTES + os.fsencode(text).hex()
    return text


def to_path(text: str) -> Path:
    """The path that `to_text` sent."""
    if text.startswith(_BYTES):
        try:
            return Path(os.fsdecode(bytes.fromhex(text.removeprefix(_BYTES))))
        except ValueError:
            pass
    return Path(text)


def shown(path: Path | str) -> str:
    """A path, or a name, as text that can be written anywhere, whatever bytes it is made of."""
    text = str(path)
    try:
        return os.fsencode(text).decode("utf-8", "replace")
    except UnicodeEncodeError:  # half a character, which no file system gives
        return text.encode("utf-8", "replace").decode()


def writable(value: Any) -> Any:
    """The same tables, lists and texts, with every text as it is `shown`."""
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, dict):
        return {writable(key): writable(inner) for key, inner in value.items()}
    return [writable(inner) for inner in value] if isinstance(value, list | tuple) else value
