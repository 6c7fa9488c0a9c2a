"""A TCP proxy between a client and a server of a test: it can go silent while all its connections stay open.

What a router that lost its tables does, or a frozen host: nothing arrives, and nobody is told.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from typing import Final

__all__ = ["SilentProxy"]

_STEP_S: Final = 0.02
_CHUNK: Final = 65_536


class SilentProxy:
    """Listens on a free loopback port and carries bytes to and from `port`, until it is told to be silent.

    Attributes
    ----------
    port : int
        Where clients connect.
    accepted : int
        Connections made so far.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.accepted = 0
        self._silent = threading.Event()
        self._stop = threading.Event()
        self._peers: dict[socket.socket, socket.socket] = {}
        self._thread = threading.Thread(target=self._run, name="silent-proxy", daemon=True)
        self._thread.start()

    def go_silent(self) -> None:
        """Carry nothing from now on, in neither direction; new connections are taken and left alone."""
        self._silent.set()

    def speak(self) -> None:
        """Carry bytes again; what was sent meanwhile follows."""
        self._silent.clear()

    def close(self) -> None:
        """End it with all its connections."""
        self._stop.set()
        self._thread.join(10)
        for endpoint in [*self._peers, self._listener]:
            endpoint.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            while not self._stop.is_set():
                for key, _ in selector.select(_STEP_S):
                    endpoint = key.fileobj
                    assert isinstance(endpoint, socket.socket)
                    if endpoint is self._listener:
                        self._accept(selector)
                    elif self._silent.is_set():
                        self._stop.wait(_STEP_S)
                    elif endpoint in self._peers:
                        self._carry(endpoint, selector)

    def _accept(self, selector: selectors.BaseSelector) -> None:
        client, _ = self._listener.accept()
        try:
            server = socket.create_connection(("127.0.0.1", self._target_port))
        except OSError:
            client.close()
            return
        self.accepted += 1
        for one, other in ((client, server), (server, client)):
            self._peers[one] = other
            selector.register(one, selectors.EVENT_READ)

    def _carry(self, endpoint: socket.socket, selector: selectors.BaseSelector) -> None:
        data = b""
        with contextlib.suppress(OSError):
            data = endpoint.recv(_CHUNK)
            if data:
                self._peers[endpoint].sendall(data)
                return
        other = self._peers.pop(endpoint)
        self._peers.pop(other, None)
        for one in (endpoint, other):
            selector.unregister(one)
            one.close()
