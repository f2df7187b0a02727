"""The command line in this process, on a workspace of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from engine.cli.main import app

Command = Callable[..., Result]


@pytest.fixture
def engine(tmp_path: Path) -> Command:
    """`engine("runs", "--json")` runs a command; an error that is not an exit code is raised."""

    def run(*words: object) -> Result:
        env = {"FLOWMAP_WORKSPACE": str(tmp_path / "workspace"), "COLUMNS": "200"}
        result = CliRunner().invoke(app, [str(word) for word in words], env=env)
        if result.exception and not isinstance(result.exception, SystemExit | typer.Exit):
            raise result.exception
        return result

    return run
