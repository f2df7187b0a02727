"""`flowmap-engine`: the headless twin of every button.

Errors are one sentence on stderr with exit code 2 (bad input) or 1 (failure); 75 means interrupted,
can go on.
"""

import sys

import typer

from engine.cli import catalogue, runs, sampling, serve, training
from engine.cli.output import complaints
from engine.contract.errors import UserError

app = typer.Typer(
    name="flowmap-engine",
    help="Train few-step generative models and ask them, without a window.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for part in (catalogue, training, runs, sampling, serve):
    app.registered_commands += part.app.registered_commands
    app.registered_groups += part.app.registered_groups


def main() -> None:
    """The entry point of `flowmap-engine`."""
    try:
        app()
    except UserError as error:
        complaints.print(str(error), soft_wrap=True, markup=False)
        sys.exit(2)


if __name__ == "__main__":
    main()
