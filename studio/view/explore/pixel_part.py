"""The strip `Pixels` under the pictures: what was pointed at, and its paths."""

from PySide6.QtWidgets import QVBoxLayout, QWidget

from studio.model.explore_model import ExploreModel
from studio.model.pixel_model import PixelModel
from studio.theme.theme import Theme
from studio.view.explore.line import Line
from studio.view.explore.pixel_hand import Pointing
from studio.view.explore.pixel_plot import PixelPlot, named
from studio.view.explore.tool import Tool
from studio.view.widgets.card import head, label, rule

HINT = "Click pixels, or take arrow keys and Return; Delete lets the last go."
TIP = (
    "How bright each pixel is on its way from t to s (−1 black, 1 white), and below that its own "
    "colour. Dashed: along the true flow, where that stands beside. A curve is where a jump to "
    "that time would end."
)


class PixelPart(QWidget):
    """In sight while pixels are pointed at, or some were chosen."""

    def __init__(
        self, explore: ExploreModel, pixels: PixelModel, pointing: Pointing, theme: Theme
    ) -> None:
        super().__init__()
        self._pixels, self._pointing = pixels, pointing
        self.plot = PixelPlot(explore, pixels, pointing, theme)
        self.said = Line("Pixels", theme)
        self.clear = Tool(
            theme,
            "x",
            "Let all pixels go",
            self._let_all_go,
            tip="Let all pixels go",
            colour="muted",
        )
        self.clear.setProperty("role", "quiet")
        top = head()
        title = label("Pixels", "title")
        for part in (title, self.plot):
            part.setToolTip(TIP)
        top.addWidget(title)
        top.addSpacing(8)
        top.addWidget(self.said, 1)
        top.addWidget(self.clear)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(rule())
        column.addLayout(top)
        column.addWidget(self.plot)
        pixels.changed.connect(self._show)
        pointing.changed.connect(self._show)
        self._show()

    def _let_all_go(self) -> None:
        self._pixels.clear()
        self._pointing.switch(False)

    def _show(self) -> None:
        pixels, pointing = self._pixels, self._pointing
        self.setVisible(pointing.on or bool(pixels.chosen))
        self.plot.setVisible(bool(pixels.chosen))
        paths = pixels.paths
        said = pixels.problem or (paths.why if paths is not None and pixels.chosen else "")
        if not said and pointing.pixel is not None and (pointing.on or pixels.chosen):
            said = named(pointing.pixel)
        self.said.set_text(said or HINT)
