"""The studio put together: models, pages, window; what it takes up and what it remembers."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from msgspec import structs
from PySide6.QtCore import QObject

from engine.contract.messages import Source
from studio.link.link import LinkError
from studio.model import tasks
from studio.model.explore_model import run_of
from studio.model.models import Models
from studio.model.tasks import spawn
from studio.model.view import View
from studio.theme.theme import Theme
from studio.view.edits import Edits
from studio.view.explore.page import ExplorePage
from studio.view.last_time import LastTime
from studio.view.leaving import Leaving
from studio.view.opening import Opener
from studio.view.reporting import Reporter
from studio.view.train.page import TrainPage
from studio.view.watch import Watch
from studio.view.widgets.throttle import Throttle
from studio.view.window import Window

FAVOURITE = "emoji"  # of the shipped models, the one that is shown first

SHOWS_TRAIN = (
    "file.new",
    *(f"run.{name}" for name in ("start", "queue", "try", "resume", "smaller", "again", "verify")),
)


class Studio(QObject):
    """Everything that stands behind one window."""

    def __init__(
        self,
        window: Window,
        theme: Theme,
        models: Models,
        logs: Mapping[str, Path] | None = None,
        died: bool = False,
    ) -> None:
        """`logs` are what a report may quote; the studio before this one `died`: it asks."""
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
        self.reporter = Reporter(models, window, logs or {})
        self.last_time = LastTime(window, self._take_up_last, self.reporter.open)
        self._target = self._picture = ""
        self._first: View | None = None  # what is shown when Explore is seen for the first time
        self._awaited: View | None = None  # the same, while its model is opened
        self._taking_up: asyncio.Task[None] | None = None
        self._remember_soon = Throttle(self.remember, self, 2000)
        self._wire()
        if died:
            self.last_time.ask()
            window.show_page("Explore")
        else:
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
        self._first = self._awaited = None
        self.window.show_page("Explore")
        self.explore.open(name)

    def start_from_picture(self, path: str) -> None:
        """Start from a picture on the Explore page, where need be when its first model is there."""
        self.window.show_page("Explore")
        if self.models.explore.model is None:
            self._picture = path
        else:
            self.explore.taker.taken.emit(path)

    def remember(self) -> None:
        """Write down what is in hand, unless what was in hand last time may still be wanted."""
        if self.last_time.asking:
            return
        session, past = self.models.session, self.models.past
        session.page = self.window.page_title()
        if self.models.explore.model is not None and not past.going:
            session.view = past.view
        if self.models.runs.current is not None:
            session.run = self.models.runs.current.name
        session.save()

    def _wire(self) -> None:
        models, window = self.models, self.window
        self.train.refused.connect(lambda why: window.notices.tell(why, "error", "refused"))
        self.train.explored.connect(self.explore_model)
        self.opener.explored.connect(self.explore_model)
        self.opener.pictured.connect(self.start_from_picture)
        models.film.forked.connect(lambda spec: self._show_train())
        models.past.failed.connect(self.explore.problem)
        window.page_changed.connect(self._on_page)
        window.closed.connect(self.remember)
        for name in SHOWS_TRAIN:
            window.actions_[name].triggered.connect(self._show_train)
        for signal in (
            models.explore.times_changed,
            models.explore.settings_changed,
            models.explore.model_changed,
            models.maps.changed,
            models.companions.changed,
            models.runs.current_changed,
            window.page_changed,
        ):
            signal.connect(self._remember_soon)
        models.explore.model_changed.connect(self._on_model)

    def _show_train(self) -> None:
        self.window.show_page("Train")

    def _restore(self) -> None:
        session, explore = self.models.session, self.models.explore
        if (last := session.view) is not None:
            explore.set_times(last.t, last.s)
            explore.set_source(self._fresh(last).source)
        self.window.show_page(session.page or "Explore")

    def _on_engine(self) -> None:
        """The first engine that is ready, be it the second one, gets the work of last time."""
        if self.models.engine.state == "ready" and self._taking_up is None:
            self._taking_up = spawn(self._take_up())

    async def _take_up(self) -> None:
        session, runs, target = self.models.session, self.models.runs, self._target
        fresh = self.last_time.asking  # what was in hand may be what it died of
        try:
            await self.models.catalogue.refresh()
            await runs.refresh()
        except LinkError:
            self._taking_up = None  # the engine went away, as its notice says; the next one gets it
            return
        if runs.find(session.run) and not fresh:
            spawn(runs.open(session.run), refused=lambda why: None)
        hello = self.models.engine.hello
        if hello is not None and hello.torch:
            self._first = self._view_in_hand((None if fresh else session.view) or View())
        if target:
            self.opener.open(target)
        self._on_page(self.window.page_title())

    def _take_up_last(self) -> None:
        """A person wants what was in hand when the last studio died."""
        self._restore()
        self._target = ""
        self._taking_up = None
        self._on_engine()  # where it is not ready yet, it gets this when it is

    def _view_in_hand(self, last: View) -> View:
        """That of last time where its model is still there, else a shipped model."""
        shipped, run = self.models.catalogue.models, run_of(last.model)
        if run in shipped or self.models.runs.find(run) or _is_file(last.model):
            return last
        first = next((name for name in shipped if FAVOURITE in name), next(iter(shipped), ""))
        return structs.replace(self._fresh(last), model=first)

    def _fresh(self, last: View) -> View:
        """Where it stood and its seed, which suit every model."""
        source = Source(seed=last.source.seed, count=self.models.explore.source.count)
        return View(t=last.t, s=last.s, source=source)

    def _on_page(self, title: str) -> None:
        """Load the first model when it is about to be seen, not before."""
        if title == "Explore" and self._first and self._first.model:
            self._awaited, self._first = self._first, None
            self.explore.open(self._awaited.model)

    def _on_model(self) -> None:
        """The first model is there: it is asked as it was asked last."""
        view, self._awaited = self._awaited, None
        if view is not None and view.model == self.models.explore.name:
            self.models.past.take_up(view)
        path, self._picture = self._picture, ""
        if path:
            self.explore.taker.taken.emit(path)


def _is_file(name: str) -> bool:
    try:
        return bool(name) and Path(name).exists()
    except (OSError, ValueError):  # no file could have such a name
        return False
