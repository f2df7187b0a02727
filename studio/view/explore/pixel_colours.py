"""Eight colours for pixels: told apart on a card by everybody, whatever their eyes lack."""

from studio.theme.tokens import Tokens

PIXEL_COLOURS = {
    "dark": (
        "#1febff", "#ff9903", "#a84eb0", "#ebcc80", "#18907b", "#c94215", "#8356ff", "#daffde",
    ),
    "light": (
        "#0c6aff", "#c79a02", "#a12400", "#00b86a", "#f660b3", "#674d46", "#1d2b8f", "#160004",
    ),
}  # fmt: skip


def pixel_colour(tokens: Tokens, number: int) -> str:
    """The colour of the pixel with that number, from 0."""
    return PIXEL_COLOURS[tokens.name][number]
