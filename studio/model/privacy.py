"""Taking what tells of a person out of a text: names, folders, however they were written."""

import getpass
import json
import re
import socket
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

SHORT = 3  # letters from which on a name is found within other words too
_WORDS = ("home", "user", "host", "workspace", "program", "python", "path")
_KNOWN = "usr|proc|dev(?!/shm)|lib|lib64|etc|sys|bin"  # where every system has the same
_END = r"[^\s\"'<>|;,()\[\]{}]"
_IN_QUOTES = re.compile(r"(?P<q>[\"'])(?:file://)?(?:/[^/\"']+/|[A-Za-z]:[\\/])[^\"'\n]*(?P=q)")
_POSIX = re.compile(rf"(?<![\w.<>/\\-])/(?!(?:{_KNOWN})/)[^\s/\"'<>|;,()\[\]{{}}]+/{_END}*")
_FILE = re.compile(r"file://[^\s\"'<>|]+")
_WINDOWS = re.compile(rf"(?<![\w<>])[A-Za-z]:(?:\\\\|\\|/){_END}*")
_SHARE = re.compile(rf"(?<![\w<>:\\])\\{{2,4}}[\w.$-]+\\{_END}*")  # another machine's


class Cleaner:
    """Replaces each of the `places` (placeholder: what it stands for), then any other path.

    A place is found as it is, with its slashes turned or doubled, escaped as JSON and Python do it,
    encoded as in a URL, in either Unicode form and in any case. A name that is one of the
    placeholders' own words tells nothing and stays.
    """

    def __init__(self, places: Mapping[str, Iterable[str]]) -> None:
        self._names: dict[str, str] = {}
        found: set[str] = set()
        for placeholder, written in places.items():
            for variant in {one for text in written for one in variants(text)}:
                found.add(variant)
                self._names.setdefault(variant.casefold(), f"<{placeholder}>")
        ordered = sorted(found, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_found, ordered)) or r"(?!)", re.IGNORECASE)

    def clean(self, text: str) -> str:
        """The text without them; line by line, as a search lets no other thread have its turn."""
        return "\n".join(map(self._clean_line, text.split("\n")))

    def _clean_line(self, text: str) -> str:
        text = self._pattern.sub(self._placeholder, text)
        text = _IN_QUOTES.sub(lambda found: f"{found['q']}<path>{found['q']}", text)
        for pattern in (_FILE, _WINDOWS, _SHARE, _POSIX):  # a drive's slashes are its own
            text = pattern.sub("<path>", text)
        return text

    def _placeholder(self, found: re.Match[str]) -> str:
        return self._names.get(found[0].casefold(), "<path>")


def variants(text: str) -> set[str]:
    """The ways in which a name or a path may stand in a file; none for what tells nothing."""
    text = text.rstrip("/\\")
    if not text or text.casefold() in (*_WORDS, "localhost"):
        return set()
    cases = {text, text.upper(), text.casefold()}  # where these are longer, no flag finds them
    found = cases | {unicodedata.normalize(form, c) for form in ("NFC", "NFD") for c in cases}
    for _ in range(2):  # a message within a message is escaped twice
        found |= {variant for one in found for variant in _written(one)}
    return found


def _written(text: str) -> Iterator[str]:
    yield text.replace("\\", "/")
    yield text.replace("/", "\\")
    yield text.replace("/", "\\/")
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(text)[1:-1]
    yield repr(text.encode("utf-8", "surrogatepass"))[2:-1]
    with_slashes, without = (quote(text.encode("utf-8", "surrogatepass"), s) for s in ("/", ""))
    yield from (with_slashes, without, with_slashes.replace("%20", "+"))


def _found(name: str) -> str:
    """The pattern of one name: a short one stands for itself only as a word of its own."""
    pattern = re.escape(name)
    return pattern if len(name) >= SHORT else rf"(?<![^\W_]){pattern}(?![^\W_])"


def places(workspace: str) -> dict[str, list[str]]:
    """Where this process runs, who runs it, and on which machine."""
    home = Path.home()
    host = socket.gethostname()
    program = Path(__file__).resolve().parents[2]
    return {
        "workspace": [workspace, str(Path(workspace).resolve())] if workspace else [],
        "program": [str(program)],
        "python": [sys.prefix, sys.base_prefix],
        "home": [str(home), str(home.resolve())],
        "user": [_user(), home.name],
        "host": [host, host.partition(".")[0]],
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no name for this number
        return ""
