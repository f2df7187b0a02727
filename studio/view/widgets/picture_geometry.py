"""Where picture i lies in a grid that fills its widget."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF

_GAP = 5.0  # logical pixels between two pictures, at most


@dataclass(frozen=True)
class PictureGeometry:
    """`columns` of `count` square tiles, in logical pixels."""

    count: int
    columns: int
    tile: float
    gap: float
    left: float
    top: float

    @classmethod
    def within(
        cls, width: float, height: float, count: int, pixels: int, ratio: float = 1.0
    ) -> "PictureGeometry":
        """The arrangement without empty places whose tiles are largest; of equals the squarest.

        A tile is a whole number of device pixels for each of the picture's `pixels`, so that no
        pixel is drawn wider than its neighbour; below twice its size it may be any.
        """
        shapes = [columns for columns in range(1, count + 1) if count % columns == 0] or [1]
        tiles = {n: _snapped(_tile(width, height, count, n), pixels, ratio) for n in shapes}
        columns = max(shapes, key=lambda n: (round(tiles[n], 6), -abs(n - count // n), n))
        tile, gap = tiles[columns], _gap(count)
        rows = max(1, count // columns)
        left = (width - columns * (tile + gap) + gap) / 2
        top = (height - rows * (tile + gap) + gap) / 2
        left, top = round(left * ratio) / ratio, round(top * ratio) / ratio
        return cls(count, columns, tile, gap, left, top)

    def rect(self, index: int) -> QRectF:
        """The tile of picture `index`."""
        row, column = divmod(index, self.columns)
        pace = self.tile + self.gap
        return QRectF(self.left + column * pace, self.top + row * pace, self.tile, self.tile)

    def index(self, place: QPointF) -> int:
        """The picture under a place, -1 for none."""
        pace = self.tile + self.gap
        column, across = divmod(place.x() - self.left, pace)
        row, down = divmod(place.y() - self.top, pace)
        index = int(row * self.columns + column)
        hit = 0 <= column < self.columns and across < self.tile and down < self.tile
        return index if hit and 0 <= index < self.count else -1


def _gap(count: int) -> float:
    return 2.0 if count > 36 else _GAP


def _snapped(tile: float, pixels: int, ratio: float) -> float:
    scale = int(tile * ratio / pixels)
    return scale * pixels / ratio if scale >= 2 else tile


def _tile(width: float, height: float, count: int, columns: int) -> float:
    gap, rows = _gap(count), max(1, -(-count // columns))
    return max(1.0, min((width + gap) / columns - gap, (height + gap) / rows - gap))
