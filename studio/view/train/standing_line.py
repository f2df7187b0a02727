"""How the run in sight stands, where that is more than a word: why it ended, what holds it up."""

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QPushButton

from engine.contract.messages import RunInfo
from studio.model.models import Models
from studio.model.standing import can_be_killed, lost_by_killing, reason, smaller_rate
from studio.theme.theme import Theme
from studio.view.actions import Actions
from studio.view.widgets.strip import Strip

Line = tuple[str, str, str]  # level, sentence, small line


class StandingLine(Strip):
    """Follows `runs.current`; its buttons are actions of the Run menu."""

    def __init__(self, models: Models, theme: Theme, actions: Actions) -> None:
        super().__init__(theme, "How the run stands")
        self._models = models
        self.kill = self._button(actions["run.kill"])
        self.stop = self._button(actions["run.stop"])
        self.smaller = self._button(actions["run.smaller"])
        models.runs.current_changed.connect(self._follow)
        models.runs.changed.connect(self.refresh)
        self._follow()

    def refresh(self) -> None:
        """Show how it stands now."""
        current = self._models.runs.current
        info = current.info if current else None
        line = standing(info) if info else None
        if info is None or line is None:
            self.clear()
            return
        level, text, detail = line
        self.tell(text, detail, level)
        self.kill.setVisible(can_be_killed(info))
        self.stop.setVisible(info.state == "silent")
        self.smaller.setVisible(bool(smaller_rate(info)))

    def _follow(self) -> None:
        if self._models.runs.current is not None:
            self._models.runs.current.progressed.connect(self.refresh)
        self.refresh()

    def _button(self, action: QAction) -> QPushButton:
        button = self.add(action.iconText(), action.toolTip(), action.trigger)
        button.setEnabled(action.isEnabled())
        action.changed.connect(lambda: button.setEnabled(action.isEnabled()))
        return button


def standing(info: RunInfo) -> Line | None:
    """What is to be said of a run; None where its state says all."""
    if info.state == "queued":
        if info.message:
            return "warning", f"It could not begin: {info.message}", ""
        before = f"{info.place} before it" if info.place > 0 else "it is the next"
        return "info", f"It waits in the queue: {before}.", ""
    if can_be_killed(info):
        return "warning", info.message, lost_by_killing(info)
    if info.state == "failed":
        return "error", reason(info) or "It failed; the log says more.", ""
    if info.message and info.state in ("silent", "starting"):
        return "warning", info.message, ""
    return ("info", info.message, "") if info.message and info.state == "stopped" else None
