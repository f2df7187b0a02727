"""Bytes between stdin, stdout and a hub that is met at its socket. Imports next to nothing."""

import contextlib
import os
import socket
import sys
import threading

_PIECE = 1 << 16


def pump(connection: socket.socket) -> int:
    """Carry bytes both ways until the hub has no more to say; returns the exit code.

    The end of stdin is handed on, and then the hub ends the stream; where it ends it by itself,
    that is a failure.
    """
    ended = threading.Event()
    threading.Thread(target=_upward, args=(connection, ended), daemon=True).start()
    try:
        while data := connection.recv(_PIECE):
            _write(1, data)
    except OSError:
        pass  # the hub died, or nobody reads any more: either way it is over
    if ended.is_set():
        return 0
    sys.stderr.write("The engine in the background has ended.\n")
    return 1


def _upward(connection: socket.socket, ended: threading.Event) -> None:
    try:
        while data := os.read(0, _PIECE):
            connection.sendall(data)
    except OSError:
        pass
    ended.set()
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)


def _write(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
