"""One end of a socket over which messages go, on either side of the sandbox's walls."""

from __future__ import annotations

import array
import select
import socket
import time
from functools import partial
from typing import Any

from .wire import MAX_BYTES, MAX_JSON, read

PIECE = 2**20


class Channel:
    """Reads messages from a socket, whole or not at all, and the sockets that come with them.

    interrupted : go on where an interrupt comes too late for the cell that it was meant for
    with_sockets: take sockets that come along; elsewhere the kernel closes whatever open files a stranger sends
    """

    def __init__(self, connection: socket.socket, interrupted: bool = False, with_sockets: bool = False):
        self.socket, self.interrupted, self.with_sockets = connection, interrupted, with_sockets
        self._data = bytearray()
        self._numbers = array.array("i")

    def ready(self, seconds: float) -> bool:
        """Whether some of a message comes within so many seconds."""
        if self._data:
            return True
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        return bool(poll.poll(max(0.0, seconds) * 1000))

    def read(self, seconds: float | None = None, most_json: int = MAX_JSON, most_bytes: int = MAX_BYTES) -> Any:
        """The next message; `most_json` and `most_bytes` as in `wire.read`.

        Raises TimeoutError after so many seconds, EOFError when the other end is closed, WireError, OSError.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        return read(partial(self._take, deadline), most_json, most_bytes)

    def sockets(self) -> list[socket.socket]:
        """The sockets that have come along since the last time."""
        numbers, self._numbers = self._numbers, array.array("i")
        return [socket.socket(fileno=number) for number in numbers]

    @property
    def empty(self) -> bool:
        """Whether nothing has come that does not belong to a message already read."""
        return not self._data

    def _take(self, deadline: float | None, size: int) -> bytes:
        while len(self._data) < size:
            if deadline is not None:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                self.socket.settimeout(left)
            wanted = min(max(size - len(self._data), 2**16), PIECE)  # a small message in one go
            try:
                if self.with_sockets:
                    piece, ancillary, _, _ = self.socket.recvmsg(wanted, socket.CMSG_SPACE(4))
                else:
                    piece, ancillary = self.socket.recv(wanted), []
            except KeyboardInterrupt:
                if self.interrupted:
                    continue
                raise
            if not piece:
                raise EOFError
            self._data += piece
            for level, kind, content in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    self._numbers.frombytes(content[:4])
        taken = bytes(self._data[:size])
        del self._data[:size]
        return taken

    def write(self, message: bytes, seconds: float | None = None) -> None:
        """Send a message that has been encoded. Raises TimeoutError where it is not taken in within so many seconds."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while message:
            if deadline is not None:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                self.socket.settimeout(left)
            try:
                message = message[self.socket.send(message) :]
            except KeyboardInterrupt:
                if not self.interrupted:
                    raise

    def close(self) -> None:
        self.socket.close()
