"""Waiting for a socket, and being woken from it: other threads leave work in queues, and the network thread looks.

One thread waits; any thread may wake it. What is watched for is changed only when it differs, because a selector's
registrations cost a system call each.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
from collections.abc import Iterator

__all__ = ["SocketWatch"]


class SocketWatch:
    """A pipe to be woken by, beside the socket of the moment."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def wake(self) -> None:
        """Let the waiting thread look at its queues; a full pipe means that it is awake already."""
        try:
            self._writer.send(b"\0")
        except OSError:
            return

    def close(self) -> None:
        """Give the pipe back; nobody waits any more."""
        self._reader.close()
        self._writer.close()

    @contextlib.contextmanager
    def watching(self) -> Iterator[_Watched]:
        """Watch for the length of one connection."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._reader, selectors.EVENT_READ)
            yield _Watched(selector, self._reader)


class _Watched:
    """The socket of one connection, and what it is watched for."""

    def __init__(self, selector: selectors.BaseSelector, wake_reader: socket.socket) -> None:
        self._selector = selector
        self._wake_reader = wake_reader
        self._endpoint: socket.socket | None = None
        self._events = 0

    def wait(self, endpoint: socket.socket, timeout_s: float, *, reads: bool, writes: bool) -> tuple[bool, bool]:
        """Wait until the socket is ready for what is wanted of it, or somebody wakes us.

        Returns
        -------
        readable, writable : bool
            Both False after the time, or when woken.
        """
        events = (selectors.EVENT_READ if reads else 0) | (selectors.EVENT_WRITE if writes else 0)
        if endpoint is not self._endpoint or events != self._events:
            if self._endpoint is not None and self._events:
                self._selector.unregister(self._endpoint)
            if events:
                self._selector.register(endpoint, events)
            self._endpoint, self._events = endpoint, events
        ready = {key.fileobj: mask for key, mask in self._selector.select(timeout_s)}
        if self._wake_reader in ready:
            self._drain()
        mask = ready.get(endpoint, 0)
        return bool(mask & selectors.EVENT_READ), bool(mask & selectors.EVENT_WRITE)

    def _drain(self) -> None:
        try:
            while self._wake_reader.recv(4096):
                pass
        except OSError:
            return
