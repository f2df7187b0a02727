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
    models: tuple[str, ...]  # the first is the model that is drawn, the second the truth

    @property
    def learned(self) -> str:
        """The colour of the model that is drawn."""
        return self.models[0]


PALETTES: dict[ThemeName, Palette] = {
    "dark": Palette(
        *("#20242d", "#323947", "#e8eaf0", "#98a1b3"),
        ("#7c9cff", "#f2a65a", "#58c4a7", "#d58be0", "#e7d36a", "#ee7f8c"),
    ),
    "light": Palette(
        *("#ffffff", "#d9dde6", "#1b1f2a", "#626c80"),
        ("#3a5bdc", "#b8630f", "#0f7f62", "#9340a3", "#7d6b00", "#b83448"),
    ),
}


def mix(one: str, other: str, share: float) -> str:
    """`#rrggbb` with `share` of `other` in `one`."""
    pairs = zip(bytes.fromhex(one[1:]), bytes.fromhex(other[1:]), strict=True)
    return "#" + "".join(f"{round(x * (1 - share) + y * share):02x}" for x, y in pairs)
