"""A picture of one's own: dropped on the page, opened from a file, pasted from the clipboard."""

from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, QRect, Qt, QTemporaryDir, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QWidget

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")
_FILTER = f"Pictures ({' '.join(f'*{suffix}' for suffix in SUFFIXES)})"
_MOST = 256  # pixels along a side of what is pasted


class PictureTaker(QObject):
    """Watches drops on `page`; nothing that comes from outside is opened here.

    `taken(path)` goes on to the engine; `said` is a word about what would happen or why nothing
    did.
    """

    taken = Signal(str)
    said = Signal(str)
    refused = Signal(str)

    def __init__(self, page: QWidget) -> None:
        super().__init__(page)
        self._page, self._folder = page, str(Path.home())
        self._pasted: QTemporaryDir | None = None
        self._pastes = 0
        page.setAcceptDrops(True)
        page.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take files that are called pictures; everything else is for the window."""
        if isinstance(event, QDragEnterEvent) and (path := dragged_picture(event.mimeData())):
            event.acceptProposedAction()
            self.said.emit(f"Drop to start from {Path(path).name}.")
            return True
        if event.type() == QEvent.Type.DragLeave:
            self.said.emit("")
        if type(event) is QDropEvent and (path := dragged_picture(event.mimeData())):
            event.acceptProposedAction()
            self.said.emit("")
            self.taken.emit(path)
            return True
        return super().eventFilter(watched, event)

    def ask(self) -> None:
        """Ask for a file."""
        dialog = QFileDialog(self._page.window(), "Open a picture", self._folder, _FILTER)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self._chosen)
        dialog.open()

    def paste(self) -> None:
        """Take the picture on the clipboard, or the file that was copied."""
        data = QGuiApplication.clipboard().mimeData()
        if path := dragged_picture(data):
            self.taken.emit(path)
            return
        image = QGuiApplication.clipboard().image() if data and data.hasImage() else QImage()
        path = self._written(image) if not image.isNull() else ""
        if path:
            self.taken.emit(path)
        else:
            self.refused.emit("There is no picture on the clipboard; copy one first.")

    def _chosen(self, path: str) -> None:
        self._folder = str(Path(path).parent)
        self.taken.emit(path)

    def _written(self, image: QImage) -> str:
        """The middle square as a file, "" where it cannot be written."""
        side = min(image.width(), image.height())
        left, top = (image.width() - side) // 2, (image.height() - side) // 2
        square = image.copy(QRect(left, top, side, side))
        if side > _MOST:
            smooth = Qt.TransformationMode.SmoothTransformation
            square = square.scaled(_MOST, _MOST, mode=smooth)
        self._pasted = self._pasted or QTemporaryDir()
        self._pastes += 1  # the engine may still read the one before
        path = self._pasted.filePath(f"pasted picture {self._pastes}.png")
        return path if square.save(path) else ""  # PNG, by its name


def dragged_picture(data: QMimeData | None) -> str:
    """The path of the one file that is called a picture, "" for anything else."""
    urls = data.urls() if data else []
    path = urls[0].toLocalFile() if len(urls) == 1 else ""
    return path if path.lower().endswith(SUFFIXES) else ""
