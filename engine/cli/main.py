"""`flowmap-engine`: the headless twin of every button.

Errors are one sentence on stderr; the exit codes are those of `engine.contract.exits`.
"""

import io
import sys

import typer

from engine.cli import (
    catalogue,
    film,
    inspect,
    jump,
    maps,
    queue,
    runs,
    sampling,
    serve,
    training,
    verify,
)
from engine.cli.output import complaints
from engine.contract import exits
from engine.contract.errors import UserError
from engine.hub.machine import NO_TORCH

app = typer.Typer(
    name="flowmap-engine",
    help="Train few-step generative models and ask them, without a window.",
    epilog=f"Exit codes: {exits.ALL}.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for part in (catalogue, inspect, training, queue, runs, sampling, jump, maps, film, serve, verify):
    app.registered_commands += part.app.registered_commands
    app.registered_groups += part.app.registered_groups


def main() -> None:
    """The entry point of `flowmap-engine`."""
    for stream in (sys.stdout, sys.stderr):  # a name of any bytes is no reason to fail
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except UserError as error:
        sys.exit(_complain(str(error), 2))
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        sys.exit(_complain(NO_TORCH, 2))
    except OSError as error:  # of what is printed to; every other place has its own sentence
        sys.exit(_complain(f"The output cannot be written: {error.strerror or error}.", 1))


def _complain(sentence: str, code: int) -> int:
    complaints.print(sentence, soft_wrap=True)
    return code


if __name__ == "__main__":
    main()
