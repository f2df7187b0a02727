"""The pad's ground: what a model was trained for, the hatched rest, axes and their names."""

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPainterPath, QPen

from engine.contract.catalogue import Capability, Grid, Model
from studio.model.map_field import Field
from studio.theme.tokens import Tokens, mix
from studio.view.explore.map_drawing import draw_map
from studio.view.explore.pad_geometry import PadGeometry

_HATCH = 14.0  # pixels between two lines
_ROOMY = 196.0  # sides from which there is room for whole sentences
_APART = 7.0  # pixels between two steps that can be told apart
_ABOVE: dict[Capability, tuple[tuple[str, ...], str]] = {
    "velocity": (("the ODE runs", "both ways"), "ODE"),
    "endpoint": (("s > 0: denoise", "and re-noise"), "re-noise"),
}


def draw_ground(
    painter: QPainter,
    place: PadGeometry,
    tokens: Tokens,
    model: Model | None = None,
    field: Field | None = None,
) -> None:
    """Draw everything that does not move; without a model as for a flow map.

    Over a map there are no words: no colour of them can be read on all of its own.
    """
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    font = painter.font()
    font.setPixelSize(11)
    painter.setFont(font)
    capability = model.capability if model else "flow map"
    match capability:
        case "velocity":
            _draw_triangle(painter, place, tokens, trained=True)
            _draw_triangle(painter, place, tokens, trained=False)
        case "endpoint":
            _draw_renoise(painter, place, tokens)
        case _:
            _draw_triangle(painter, place, tokens, trained=True)
            _draw_hatch(painter, place, tokens)
    if model and capability == "dyadic":
        _draw_steps(painter, place, tokens, model.grid)
    if field is not None:
        draw_map(painter, place, field, capability, tokens)
    _draw_frame(painter, place, tokens)
    if capability == "endpoint":
        _draw_exact_line(painter, place, tokens)
    if field is None:
        _draw_edges(painter, place, tokens, capability)
    _draw_axes(painter, place, tokens)


def _draw_triangle(painter: QPainter, place: PadGeometry, tokens: Tokens, trained: bool) -> None:
    """The longer the jump, the deeper the colour; `trained` is the half with s <= t."""
    corner = place.pixel(1, 0) if trained else place.pixel(0, 1)
    ramp = QLinearGradient(place.pixel(0.5, 0.5), corner)
    ramp.setColorAt(0, QColor(mix(tokens.card, tokens.soft, 0.18)))
    ramp.setColorAt(1, QColor(mix(tokens.card, tokens.soft, 0.85)))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ramp)
    painter.drawPolygon(place.triangle(trained))


def _draw_renoise(painter: QPainter, place: PadGeometry, tokens: Tokens) -> None:
    """One pale colour everywhere: each jump is the same denoising, and more or less noise."""
    painter.fillRect(place.square, QColor(mix(tokens.card, tokens.soft, 0.25)))


def _draw_exact_line(painter: QPainter, place: PadGeometry, tokens: Tokens) -> None:
    """Only jumps to s = 0 were learned."""
    painter.setPen(QPen(QColor(tokens.accent), 3))
    painter.drawLine(place.pixel(0, 0), place.pixel(1, 0))


def _draw_steps(painter: QPainter, place: PadGeometry, tokens: Tokens, grid: Grid) -> None:
    """A dot for each step that was learned, as far as they can be told apart."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(mix(tokens.muted, tokens.card, 0.2)))
    size = grid.parts
    while size >= 1:
        if size <= grid.longest and place.side * size / grid.parts >= _APART:
            for end in range(0, grid.parts, size):
                painter.drawEllipse(
                    place.pixel((end + size) / grid.parts, end / grid.parts), 2.0, 2.0
                )
        size //= 2


def _draw_hatch(painter: QPainter, place: PadGeometry, tokens: Tokens) -> None:
    painter.save()
    half = QPainterPath()
    half.addPolygon(place.triangle(trained=False))
    half.closeSubpath()
    painter.setClipPath(half)
    painter.setPen(QPen(QColor(tokens.line), 1))
    square = place.square
    offset = -square.width()
    while offset < square.width():
        start = QPointF(square.left() + offset, square.bottom())
        painter.drawLine(start, start + QPointF(square.width(), -square.height()))
        offset += _HATCH
    painter.restore()


def _draw_frame(painter: QPainter, place: PadGeometry, tokens: Tokens) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(tokens.line), 1))
    painter.drawRect(place.square)
    painter.setPen(QPen(QColor(mix(tokens.muted, tokens.card, 0.3)), 1.2))
    painter.drawLine(place.pixel(0, 0), place.pixel(1, 1))


def _draw_edges(
    painter: QPainter, place: PadGeometry, tokens: Tokens, capability: Capability
) -> None:
    """What is known about each edge, written along it."""
    words = mix(tokens.muted, tokens.text, 0.25)
    roomy = place.side >= _ROOMY
    to_data = "all the way to data" if capability == "velocity" else "one jump to data"
    data, noise, same = ("s = 0: ", "t = 1: ", "s = t: ") if roomy else ("", "", "")
    _write(painter, place.pixel(0.5, 0) + QPointF(0, -9), f"{data}{to_data}", words)
    _write(painter, place.pixel(1, 0.5) + QPointF(-9, 0), f"{noise}from noise", words, -90)
    _write(painter, place.pixel(0.5, 0.5) + QPointF(7, 7), f"{same}identity", words, -45)
    long, short = _ABOVE.get(capability, (("outside the trained", "triangle"), "outside"))
    for row, line in enumerate(long if roomy else (short,)):
        where = place.pixel(0.27, 0.9) + QPointF(0, 15 * row)
        _write(painter, where, line, tokens.muted, ground=tokens.card)


def _draw_axes(painter: QPainter, place: PadGeometry, tokens: Tokens) -> None:
    square = place.square
    stand, jump = ("   where we stand", "   where we jump") if place.side >= _ROOMY else ("", "")
    for share in (0, 0.25, 0.5, 0.75, 1):
        painter.setPen(QPen(QColor(tokens.line), 1))
        low, left = place.pixel(share, 0), place.pixel(0, share)
        painter.drawLine(low, low + QPointF(0, 4))
        painter.drawLine(left, left + QPointF(-4, 0))
    under = square.bottom() + 14
    _write(painter, QPointF(square.left() + 18, under), "0 data", tokens.muted)
    _write(painter, QPointF(square.right() - 19, under), "noise 1", tokens.muted)
    _write(
        painter,
        QPointF(square.center().x(), under),
        f"t{stand}",
        tokens.muted,
    )
    side = square.left() - 14
    _write(
        painter,
        QPointF(side, square.center().y()),
        f"s{jump}",
        tokens.muted,
        -90,
    )
    _write(painter, QPointF(side, square.bottom() - 4), "0", tokens.muted)
    _write(painter, QPointF(side, square.top() + 5), "1", tokens.muted)


def _write(
    painter: QPainter,
    middle: QPointF,
    text: str,
    colour: str,
    angle: float = 0,
    ground: str = "",
) -> None:
    """Write around `middle`, turned by `angle` degrees, on a patch of `ground` where given."""
    width = painter.fontMetrics().horizontalAdvance(text) + 8
    box = QRectF(-width / 2, -8, width, 16)
    painter.save()
    painter.translate(middle)
    painter.rotate(angle)
    if ground:
        painter.fillRect(box, QColor(ground))
    painter.setPen(QColor(colour))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
    painter.restore()
