"""`python -m engine.cli`: the same as `flowmap-engine`."""

from engine.cli.main import main

main()
