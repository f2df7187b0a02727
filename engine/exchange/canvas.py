"""One way to draw, onto two grounds: pixels and SVG. All places are in the drawing's own units."""

import io
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, Protocol
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from engine.contract.assets import asset
from engine.contract.facts import Facts

Places = NDArray[np.floating]  # [n, 2], y downwards
Side = Literal["left", "middle", "right"]
_FINE = 3  # pixels along a side of which one is made: soft edges
_ANCHOR: dict[Side, str] = {"left": "l", "middle": "m", "right": "r"}
_SVG_ANCHOR: dict[Side, str] = {"left": "start", "middle": "middle", "right": "end"}


class Canvas(Protocol):
    """A ground of `width` x `height` units."""

    width: float
    height: float

    def rect(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """A filled rectangle with hard edges."""

    def polygon(self, places: Places, colour: str) -> None:
        """A filled polygon."""

    def lines(
        self, paths: Sequence[Places], colour: str, width: float = 1.0, opacity: float = 1.0
    ) -> None:
        """Thin lines along `paths`."""

    def dots(self, places: Places, radius: float, colour: str, opacity: float = 1.0) -> None:
        """A disc at each place."""

    def rings(self, places: Places, radius: float, colour: str, opacity: float = 1.0) -> None:
        """A ring of one unit at each place."""

    def text(
        self,
        x: float,
        y: float,
        words: str,
        colour: str,
        size: float = 12.0,
        side: Side = "left",
        bold: bool = False,
        upwards: bool = False,
    ) -> None:
        """Words whose `side` is at x, in the middle of their height at y; read upwards if so."""

    def content(self, facts: Facts) -> bytes:
        """The bytes of the file, with its facts."""


class Raster:
    """A ground of pixels, `scale` of them a unit; discs and lines have soft edges."""

    def __init__(self, width: float, height: float, paper: str, scale: float = 1.0) -> None:
        self.width, self.height, self.scale = width, height, scale
        self.image = Image.new("RGB", (round(width * scale), round(height * scale)), paper)
        self._draw = ImageDraw.Draw(self.image)

    def rect(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """See Canvas; neighbours share their edge, whatever the scale."""
        left, top, right, bottom = (
            round(edge * self.scale) for edge in (x, y, x + width, y + height)
        )
        if right > left and bottom > top:
            self._draw.rectangle((left, top, right - 1, bottom - 1), colour)

    def polygon(self, places: Places, colour: str) -> None:
        self._draw.polygon(self._pixels(places), colour)

    def lines(
        self, paths: Sequence[Places], colour: str, width: float = 1.0, opacity: float = 1.0
    ) -> None:
        cover = self._cover()
        draw, thick = ImageDraw.Draw(cover), max(1, round(width * self.scale * _FINE))
        for path in paths:
            draw.line(self._pixels(path, _FINE), 255, thick)
        self._lay(cover, colour, opacity)

    def dots(self, places: Places, radius: float, colour: str, opacity: float = 1.0) -> None:
        cover, reach = self._cover(), radius * self.scale * _FINE
        draw = ImageDraw.Draw(cover)
        for x, y in self._pixels(places, _FINE):
            draw.ellipse((x - reach, y - reach, x + reach, y + reach), 255)
        self._lay(cover, colour, opacity)

    def rings(self, places: Places, radius: float, colour: str, opacity: float = 1.0) -> None:
        cover, reach = self._cover(), (radius + 0.5) * self.scale * _FINE
        draw, thick = ImageDraw.Draw(cover), max(1, round(self.scale * _FINE))
        for x, y in self._pixels(places, _FINE):
            draw.ellipse((x - reach, y - reach, x + reach, y + reach), outline=255, width=thick)
        self._lay(cover, colour, opacity)

    def text(
        self,
        x: float,
        y: float,
        words: str,
        colour: str,
        size: float = 12.0,
        side: Side = "left",
        bold: bool = False,
        upwards: bool = False,
    ) -> None:
        font, anchor = _font(size * self.scale, bold), f"{_ANCHOR[side]}m"
        at = (x * self.scale, y * self.scale)
        if not upwards:
            self._draw.text(at, words, colour, font, anchor)
            return
        turned = Image.new("L", (self.image.height, self.image.width))
        place = (self.image.height - at[1], at[0])
        ImageDraw.Draw(turned).text(place, words, 255, font, anchor)
        self.image.paste(colour, mask=turned.transpose(Image.Transpose.ROTATE_90))

    def picture(self, x: float, y: float, pixels: NDArray[np.uint8]) -> None:
        """Put uint8 [h, w, 3] there as it is, pixel by pixel."""
        self.image.paste(Image.fromarray(pixels), (round(x * self.scale), round(y * self.scale)))

    def content(self, facts: Facts) -> bytes:
        """The bytes of a PNG."""
        return png(self.image, facts)

    def _cover(self) -> Image.Image:
        """A finer ground for one layer of marks."""
        width, height = self.image.size
        return Image.new("L", (width * _FINE, height * _FINE))

    def _lay(self, cover: Image.Image, colour: str, opacity: float) -> None:
        """Lay down a layer: where its marks cover each other it is no more opaque."""
        mask = cover.reduce(_FINE).point([round(k * opacity) for k in range(256)])
        self.image.paste(colour, mask=mask)

    def _pixels(self, places: Places, fine: int = 1) -> list[tuple[float, float]]:
        found = np.asarray(places, float) * self.scale * fine
        kept = found[np.isfinite(found).all(-1)].clip(-1e6, 1e6)
        return [(x, y) for x, y in kept.tolist()]


class Svg:
    """A ground of shapes."""

    def __init__(self, width: float, height: float, paper: str) -> None:
        self.width, self.height = width, height
        self._parts = [f'<rect width="{width:g}" height="{height:g}" fill="{paper}"/>']

    def rect(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """See Canvas; a thin edge, as else a line shows between neighbours in some programs."""
        self._parts.append(
            f'<rect x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}" '
            f'fill="{colour}" stroke="{colour}" stroke-width="0.6" shape-rendering="crispEdges"/>'
        )

    def polygon(self, places: Places, colour: str) -> None:
        self._parts.append(f'<polygon points="{_points(places)}" fill="{colour}"/>')

    def lines(
        self, paths: Sequence[Places], colour: str, width: float = 1.0, opacity: float = 1.0
    ) -> None:
        look = f'fill="none" stroke="{colour}" stroke-width="{width:g}" opacity="{opacity:g}"'
        shapes = (f'<polyline points="{_points(path)}"/>' for path in paths)
        self._parts += [f"<g {look}>", *shapes, "</g>"]

    def dots(self, places: Places, radius: float, colour: str, opacity: float = 1.0) -> None:
        self._circles(places, radius, f'fill="{colour}" opacity="{opacity:g}"')

    def rings(self, places: Places, radius: float, colour: str, opacity: float = 1.0) -> None:
        self._circles(places, radius, f'fill="none" stroke="{colour}" opacity="{opacity:g}"')

    def _circles(self, places: Places, radius: float, look: str) -> None:
        kept = places[np.isfinite(places).all(-1)].tolist()
        shapes = (f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{radius:g}"/>' for x, y in kept)
        self._parts += [f"<g {look}>", *shapes, "</g>"]

    def text(
        self,
        x: float,
        y: float,
        words: str,
        colour: str,
        size: float = 12.0,
        side: Side = "left",
        bold: bool = False,
        upwards: bool = False,
    ) -> None:
        turned = f' transform="rotate(-90 {x:.2f} {y:.2f})"' if upwards else ""
        weight = ' font-weight="600"' if bold else ""
        self._parts.append(
            f'<text x="{x:.2f}" y="{y:.2f}" fill="{colour}" font-size="{size:g}"{weight} '
            f'text-anchor="{_SVG_ANCHOR[side]}" dominant-baseline="central"{turned}>'
            f"{escape(_printable(words))}</text>"
        )

    def content(self, facts: Facts) -> bytes:
        """The bytes of an SVG, the facts in title and metadata."""
        head = (
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width:g}" '
            f'height="{self.height:g}" viewBox="0 0 {self.width:g} {self.height:g}" '
            'font-family="Inter, Helvetica, Arial, sans-serif">',
            f"<title>{escape(_printable(' · '.join(facts.lines())))}</title>",
            f"<metadata>{escape(facts.json())}</metadata>",
        )
        return "\n".join([*head, *self._parts, "</svg>", ""]).encode("utf-8", "replace")


def png(image: Image.Image, facts: Facts, **more: str) -> bytes:
    """The bytes of a PNG with every fact, and `more`, as a text chunk."""
    text = PngImagePlugin.PngInfo()
    for name, value in (facts.texts() | more).items():
        text.add_text(name, value.encode("utf-8", "replace").decode())
    file = io.BytesIO()
    image.save(file, "PNG", pnginfo=text)
    return file.getvalue()


def width_of(words: str, size: float, bold: bool = False) -> float:
    """How wide words are, in the units of their size."""
    return float(_font(size, bold).getlength(words))


def wrapped(words: str, size: float, width: float) -> list[str]:
    """The words in lines that are at most so wide."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width_of(longer, size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


@lru_cache(maxsize=32)
def _font(size: float, bold: bool = False) -> ImageFont.FreeTypeFont:
    name = "Inter-SemiBold.otf" if bold else "Inter-Regular.otf"
    return ImageFont.truetype(asset("fonts") / name, size)


def _points(places: Places) -> str:
    kept = places[np.isfinite(places).all(-1)].tolist()
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in kept)


def _printable(text: str) -> str:
    """The text without characters that XML cannot hold (a file's name may have any)."""
    return "".join(c if c.isprintable() else "�" for c in text)
