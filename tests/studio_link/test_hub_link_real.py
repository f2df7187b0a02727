"""The link and the models against the engine's own hub."""

import os
import signal
from pathlib import Path

from loops import run, until

from studio.link.hub_link import HubLink
from studio.model.models import Models


def test_the_hub_fills_the_form_dies_and_comes_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        link = HubLink(tmp_path / "workspace", log=tmp_path / "log")
        models = Models(link, tmp_path / "studio.ini")
        await models.engine.start()
        assert models.engine.hello is not None, models.engine.message
        assert models.engine.hello.workspace == str(tmp_path / "workspace")
        await until(lambda: models.catalogue.presets)
        for preset in models.catalogue.presets:
            models.form.choose_preset(preset.name)
            here = models.catalogue.data_set(preset.spec.data.name) is not None
            assert [p.key for p in models.form.problems()] == ([] if here else ["data.name"])
            assert not models.form.modified
        os.kill(link.pid, signal.SIGKILL)
        await until(lambda: models.engine.state == "failed")
        await models.engine.restart()
        assert models.engine.state == "ready"
        await models.runs.refresh()
        assert models.runs.runs == []
        await models.engine.stop()
        assert models.engine.state == "stopped"

    run(scenario())
