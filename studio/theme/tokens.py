"""The colours of the window, each named once by what it is for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tokens:
    """One theme: every colour that a widget may use, as `#rrggbb`."""

    name: str
    background: str
    panel: str
    card: str
    field: str
    hover: str
    line: str
    text: str
    muted: str
    accent: str
    soft: str
    on_accent: str
    good: str
    warning: str
    bad: str
    models: tuple[str, ...]  # one per model, the same everywhere; told apart by the colour-blind


DARK = Tokens(
    name="dark",
    background="#14161b",
    panel="#1a1d24",
    card="#20242d",
    field="#262b36",
    hover="#2d3340",
    line="#323947",
    text="#e8eaf0",
    muted="#98a1b3",
    accent="#7c9cff",
    soft="#3d4c7d",
    on_accent="#0e1220",
    good="#58c4a7",
    warning="#f2c14e",
    bad="#ff7b7b",
    models=("#7c9cff", "#f2a65a", "#58c4a7", "#d58be0", "#e7d36a", "#ee7f8c"),
)

LIGHT = Tokens(
    name="light",
    background="#f4f5f8",
    panel="#ffffff",
    card="#ffffff",
    field="#ffffff",
    hover="#eef0f5",
    line="#d9dde6",
    text="#1b1f2a",
    muted="#626c80",
    accent="#3a5bdc",
    soft="#b4c2f5",
    on_accent="#ffffff",
    good="#0f7f62",
    warning="#8a6100",
    bad="#c22f3d",
    models=("#3a5bdc", "#b8630f", "#0f7f62", "#9340a3", "#7d6b00", "#b83448"),
)

THEMES = {t.name: t for t in (DARK, LIGHT)}


def mix(one: str, other: str, share: float) -> str:
    """`#rrggbb` with `share` of `other` in `one`."""
    pairs = zip(bytes.fromhex(one[1:]), bytes.fromhex(other[1:]), strict=True)
    return "#" + "".join(f"{round(x * (1 - share) + y * share):02x}" for x, y in pairs)


def faded(tokens: Tokens) -> str:
    """The colour of what is switched off: half way from muted text to a card."""
    return mix(tokens.muted, tokens.card, 0.55)


def companion_colour(tokens: Tokens, place: int) -> str:
    """The colour of the companion at `place`: after those of the first model and of the truth."""
    return tokens.models[2 + place]
