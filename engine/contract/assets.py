"""Where the files that come with the program lie, in a checkout and in an installed wheel."""

from pathlib import Path


def asset(name: str) -> Path:
    """The path of `assets/NAME`: a wheel carries them inside `engine`, a checkout beside it."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "assets"
    return (inside if inside.is_dir() else package.parent / "assets") / name
