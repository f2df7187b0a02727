"""The studio put together: models, pages, window; what it takes up and what it remembers."""

import asyncio
from pathlib import Path

from PySide6.QtCore import QObject

from engine.contract.messages import Source
from studio.link.link import LinkError
from studio.model import tasks
from studio.model.models import Models
from studio.model.tasks import spawn
from studio.theme.theme import Theme
from studio.view.edits import Edits
from studio.view.explore.page import ExplorePage
from studio.view.leaving import Leaving
from studio.view.opening import Opener
from studio.view.train.page import TrainPage
from studio.view.watch import Watch
from studio.view.widgets.throttle import Throttle
from studio.view.window import Window

FAVOURITE = "emoji"  # of the shipped models, the one that is shown first


class Studio(QObject):
    """Everything that stands behind one window."""

    def __init__(self, window: Window, theme: Theme, models: Models) -> None:
        super().__init__(window)
        self.window, self.theme, self.models = window, theme, models
        window.furnish()
        self.train = TrainPage(models, theme, window.actions_)
        self.explore = ExplorePage(models.exploring, theme)
        for page in (self.train, self.explore):
            window.add_page(page, page.title, page.icon_name)
        self.edits = Edits(window, {"Train": models.form, "Explore": models.past})
        self.watch = Watch(models, window)
        self.opener = Opener(models, window)
        self.leaving = Leaving(models, window)
        self._first_model = self._target = ""
        self._taking_up: asyncio.Task[None] | None = None
        self._remember_soon = Throttle(self.remember, self, 2000)
        self._wire()
        self._restore()

    async def start(self, target: str = "") -> None:
        """Start the engine and take up what was in hand; `target` is opened instead.

        Returns when that is done, or when the engine could not be started.
        """
        self._target = target
        self.models.engine.changed.connect(self._on_engine)
        await self.models.engine.start()
        self.train.curves.prepare()
        self._on_engine()
        while self.models.engine.state == "starting":
            await asyncio.sleep(0.01)
        if self._taking_up is not None:
            await self._taking_up

    async def stop(self) -> None:
        """Keep what is to be remembered, let the engine go, end every coroutine."""
        self.remember()
        self._remember_soon.cancel()
        self.models.explore.stop_playing()
        await self.models.engine.stop()
        await tasks.cancel_all()

    def explore_model(self, name: str) -> None:
        """Show a model on the Explore page."""
        self._first_model = ""
        self.window.show_page("Explore")
        self.explore.open(name)

    def remember(self) -> None:
        """Write down what is in hand."""
        session, explore = self.models.session, self.models.explore
        session.times = (explore.t, explore.s)
        session.seed = explore.source.seed
        session.page = self.window.page_title()
        if explore.model is not None:
            session.model = explore.name
        if self.models.runs.current is not None:
            session.run = self.models.runs.current.name
        session.save()

    def _wire(self) -> None:
        models, window = self.models, self.window
        self.train.refused.connect(lambda why: window.notices.tell(why, "error", "refused"))
        self.train.explored.connect(self.explore_model)
        self.opener.explored.connect(self.explore_model)
        models.film.forked.connect(lambda spec: self._show_train())
        models.past.failed.connect(self.explore.problem)
        window.page_changed.connect(self._on_page)
        for name in ("file.new", "run.start", "run.resume"):
            window.actions_[name].triggered.connect(self._show_train)
        for signal in (
            models.explore.times_changed,
            models.explore.settings_changed,
            models.explore.model_changed,
            models.runs.current_changed,
            window.page_changed,
        ):
            signal.connect(self._remember_soon)

    def _show_train(self) -> None:
        self.window.show_page("Train")

    def _restore(self) -> None:
        session, explore = self.models.session, self.models.explore
        explore.set_times(*session.times)
        explore.set_source(Source(seed=session.seed, count=explore.source.count))
        self.window.show_page(session.page or "Explore")

    def _on_engine(self) -> None:
        """The first engine that is ready, be it the second one, gets the work of last time."""
        if self.models.engine.state == "ready" and self._taking_up is None:
            self._taking_up = spawn(self._take_up())

    async def _take_up(self) -> None:
        session, runs, target = self.models.session, self.models.runs, self._target
        try:
            await self.models.catalogue.refresh()
            await runs.refresh()
        except LinkError:
            return  # the engine went away, and its own notice says so
        if runs.find(session.run):
            spawn(runs.open(session.run), refused=lambda why: None)
        hello = self.models.engine.hello
        if hello is not None and hello.torch:
            self._first_model = self._model_in_hand(session.model)
        if target:
            self.opener.open(target)
        self._on_page(self.window.page_title())

    def _model_in_hand(self, last: str) -> str:
        """The model of last time where it is still there, else a shipped one."""
        shipped = self.models.catalogue.models
        if last and (last in shipped or self.models.runs.find(last) or Path(last).exists()):
            return last
        return next((name for name in shipped if FAVOURITE in name), next(iter(shipped), ""))

    def _on_page(self, title: str) -> None:
        """Load the first model when it is about to be seen, not before."""
        if title == "Explore" and self._first_model:
            name, self._first_model = self._first_model, ""
            self.explore.open(name)
