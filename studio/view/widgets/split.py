"""A splitter that stands as it was left."""

from PySide6.QtWidgets import QSplitter

from studio.model.session import Session


class Split(QSplitter):
    """Remembers how large a person made its parts, for each orientation by itself."""

    def __init__(self, name: str, session: Session) -> None:
        super().__init__()
        self._session = session
        self.setObjectName(name)
        self.setChildrenCollapsible(False)
        self.splitterMoved.connect(self._keep)

    def restore(self, default: list[int]) -> None:
        """Take the sizes of last time, else these; they are shares of what room there is."""
        kept = self._session.sizes(self._key())
        self.setSizes(kept if len(kept) == self.count() else default)

    def _keep(self) -> None:
        self._session.keep_sizes(self._key(), self.sizes())

    def _key(self) -> str:
        return f"{self.objectName()}-{self.orientation().name}".lower()
