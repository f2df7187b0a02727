"""Build assets/data/emoji-16 and emoji-32 from two npm packages, the same bytes every time.

    python packaging/build_emoji.py [--cache FOLDER] [--out FOLDER]

Needs `npm` for the download; the tarballs are checked against the hashes below. Pictures are the
emoji of seven categories without skin tones, flags, symbols and components, drawn by two vendors.
"""

import argparse
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from engine.data.pack import write_pack  # noqa: E402

LABELS = (
    "Smileys & Emotion",
    "People & Body",
    "Animals & Nature",
    "Food & Drink",
    "Travel & Places",
    "Activities",
    "Objects",
)
NOTO_FOLDER, FLUENT_FOLDER = "package/img/google/64/", "package/assets/"
MARGIN = 1.07  # side of a picture over side of what is drawn: half a pixel all around at 16 px
LICENCE = (
    "Noto Emoji (names noto-*): Copyright Google Inc., Apache License 2.0, "
    "https://www.apache.org/licenses/LICENSE-2.0. "
    "Fluent Emoji (names fluent-*): Copyright (c) Microsoft Corporation, MIT License, "
    "https://opensource.org/license/mit. Scaled down and laid on white. See NOTICE.md."
)
SOURCE = "Noto Emoji 2.048 (Google) and Fluent Emoji 3D (Microsoft)"


class Package(NamedTuple):
    """An npm package, pinned."""

    name: str
    version: str
    tarball: str
    sha256: str


NOTO = Package(
    "emoji-datasource-google",
    "16.0.0",
    "emoji-datasource-google-16.0.0.tgz",
    "fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438",
)
FLUENT = Package(
    "@lobehub/fluent-emoji-3d",
    "1.1.0",
    "lobehub-fluent-emoji-3d-1.1.0.tgz",
    "c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58",
)


class Emoji(NamedTuple):
    """One picture at the size its vendor drew it, on white."""

    name: str
    codepoint: str
    label: int
    picture: Image.Image


def fetch(package: Package, cache: Path) -> Path:
    """The tarball of a package, downloaded where the cache lacks it. Raises SystemExit."""
    path = cache / package.tarball
    if not path.exists():
        npm = shutil.which("npm") or sys.exit("npm is missing; install Node.js.")
        wanted = f"{package.name}@{package.version}"
        subprocess.run([npm, "pack", "--silent", wanted], cwd=cache, check=True)
    if hashlib.sha256(path.read_bytes()).hexdigest() != package.sha256:
        sys.exit(f"{path} is not the file that was pinned; delete it and try again.")
    return path


def files(path: Path, folder: str) -> dict[str, bytes]:
    """The files of a tarball whose path begins with `folder`, by the rest of their path."""
    with tarfile.open(path) as tar:
        chosen = [m for m in tar if m.isfile() and m.name.startswith(folder)]
        return {m.name.removeprefix(folder): tar.extractfile(m).read() for m in chosen}  # type: ignore[union-attr]


def codepoint(text: str) -> str:
    """A codepoint as both vendors mean it: small letters, no variation selector."""
    return "-".join(part for part in text.lower().split("-") if part != "fe0f")


def on_white(content: bytes) -> Image.Image:
    """The picture cut to the square around what is drawn and a thin margin, on white."""
    picture = Image.open(io.BytesIO(content)).convert("RGBA")
    left, top, right, bottom = picture.getchannel("A").point(lambda a: 255 * (a > 8)).getbbox()
    side = round(max(right - left, bottom - top) * MARGIN)
    left, top = (left + right - side) // 2, (top + bottom - side) // 2
    white = Image.new("RGBA", (side, side), "white")
    white.alpha_composite(picture.crop((left, top, left + side, top + side)))
    return white.convert("RGB")


def emoji(noto: Path, fluent: Path) -> Iterator[Emoji]:
    """Every picture of the seven categories, first Noto's, then Fluent's."""
    table = json.loads(files(noto, "package/emoji.json")[""])
    chosen = [row for row in table if row["category"] in LABELS]
    labels = {codepoint(row["unified"]): LABELS.index(row["category"]) for row in chosen}
    drawn = files(noto, NOTO_FOLDER)
    for row in chosen:
        point = codepoint(row["unified"])
        yield Emoji(f"noto-{point}", point, labels[point], on_white(drawn[row["image"]]))
    # Some are there with and without the selector; the one with it comes last and is the right one.
    by_point = {codepoint(Path(n).stem): c for n, c in sorted(files(fluent, FLUENT_FOLDER).items())}
    for point, content in by_point.items():
        if point in labels:
            yield Emoji(f"fluent-{point}", point, labels[point], on_white(content))


def is_held_out(point: str) -> bool:
    """One codepoint of ten, the same for both vendors, is never trained on."""
    return hashlib.sha256(point.encode()).digest()[0] < 26


def build(found: list[Emoji], side: int, out: Path) -> None:
    """Write `emoji-SIDE.h5` and its description."""
    small = [e.picture.resize((side, side), Image.Resampling.LANCZOS) for e in found]
    arrays = {
        "images": np.stack([np.asarray(picture) for picture in small]),
        "labels": np.array([e.label for e in found], np.int64),
        "names": np.array([e.name.encode() for e in found]),
        "held_out": np.array([is_held_out(e.codepoint) for e in found], np.uint8),
    }
    name = f"emoji-{side}"
    making = out / f"{name}.h5.tmp-{os.getpid()}"
    write_pack(making, arrays, licence=LICENCE, source=SOURCE)
    making.replace(out / f"{name}.h5")  # whoever reads the old one meanwhile keeps it whole
    info = {
        "name": name,
        "title": f"Emoji {side} px",
        "kind": "images",
        "shape": [3, side, side],
        "count": len(found),
        "labels": LABELS,
        "source": SOURCE,
    }
    (out / f"{name}.json").write_text(json.dumps(info, indent=2) + "\n", "utf-8")
    print(f"{name}: {len(found)} pictures, {arrays['held_out'].sum()} held out")


def main() -> None:
    """Fetch, check, build."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "emoji")
    parser.add_argument("--out", type=Path, default=ROOT / "assets" / "data")
    chosen = parser.parse_args()
    chosen.cache.mkdir(parents=True, exist_ok=True)
    found = list(emoji(fetch(NOTO, chosen.cache), fetch(FLUENT, chosen.cache)))
    # In an order that looks random, so that the first n are a fair sample of all.
    found.sort(key=lambda e: hashlib.sha256(e.name.encode()).digest())
    for side in (16, 32):
        build(found, side, chosen.out)


if __name__ == "__main__":
    main()
