"""The version of the program and of everything it writes, each stated once."""

VERSION = "0.1.0"
PROTOCOL = 1  # frames and messages between studio, hub and workers
RUN_FORMAT = 1  # run folder, journal, checkpoint and model file
