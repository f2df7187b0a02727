"""The colours of exported drawings: those of the studio's two themes."""

from dataclasses import dataclass

from engine.contract.films import ThemeName


@dataclass(frozen=True)
class Palette:
    """What a drawing is made of, each `#rrggbb`."""

    card: str
    line: str
    text: str
    muted: str
    learned: str


PALETTES: dict[ThemeName, Palette] = {
    "dark": Palette("#20242d", "#323947", "#e8eaf0", "#98a1b3", "#7c9cff"),
    "light": Palette("#ffffff", "#d9dde6", "#1b1f2a", "#626c80", "#3a5bdc"),
}


def mix(one: str, other: str, share: float) -> str:
    """`#rrggbb` with `share` of `other` in `one`."""
    pairs = zip(bytes.fromhex(one[1:]), bytes.fromhex(other[1:]), strict=True)
    return "#" + "".join(f"{round(x * (1 - share) + y * share):02x}" for x, y in pairs)
