"""Whether a run is what training it again makes of it: how far that is, and what it found."""

from studio.model.check_model import VerifyModel
from studio.theme.theme import Theme
from studio.view.widgets.strip import Strip


class VerifyLine(Strip):
    """In sight from the question until its answer is dismissed."""

    def __init__(self, verify: VerifyModel, theme: Theme) -> None:
        super().__init__(theme, "Verifying a run")
        self._verify = verify
        self.cancel = self.add("Cancel", "Give the check up", verify.cancel)
        self.dismiss = self.add("Dismiss", "Take this line away", verify.forget)
        verify.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show how far it is."""
        verify = self._verify
        self.cancel.setVisible(verify.running)
        self.cancel.setEnabled(not verify.cancelled)
        self.dismiss.setVisible(not verify.running)
        if verify.running:
            text = f"Verifying {verify.run}: its newest stretch is trained anew, elsewhere."
            self.tell(text, _far(verify))
            self.show_share(verify.done, verify.total)
            return
        self.progress.hide()
        if verify.answer is not None:
            level = "info" if verify.answer.same else "error"
            self.tell(verify.answer.message, level=level)
        elif verify.problem:
            self.tell(f"{verify.run} could not be verified: {verify.problem}", level="warning")
        else:
            self.clear()


def _far(verify: VerifyModel) -> str:
    if verify.cancelled:
        return "It is given up …"
    if not verify.total:
        return "It may wait for another check, and then loads."
    return f"step {verify.done:,} of {verify.total:,}"
