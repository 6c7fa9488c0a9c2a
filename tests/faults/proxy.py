"""A small TCP proxy on loopback whose connections can be cut, or made to carry nothing for a while."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Final

__all__ = ["CutProxy"]

_CHUNK: Final = 65_536
_POLL_S: Final = 0.1


class CutProxy:
    """Forwards from a free port of its own to another port of loopback.

    Parameters
    ----------
    target_port : int
        Where connections go; refused while nothing listens there.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_POLL_S)
        self.port = int(self._listener.getsockname()[1])
        self._flowing = threading.Event()
        self._flowing.set()
        self._closed = False
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        threading.Thread(target=self._accept, name="cut-proxy", daemon=True).start()

    def cut(self) -> int:
        """Close every connection with what is under way in it; return how many ends."""
        with self._lock:
            ends, self._sockets = self._sockets, set()
        for end in ends:
            _shut(end)
        return len(ends)

    def stall(self) -> None:
        """Carry nothing any more; connections stay open."""
        self._flowing.clear()

    def flow(self) -> None:
        """Carry again."""
        self._flowing.set()

    def close(self) -> None:
        """End everything."""
        self._closed = True
        self._flowing.set()
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._target_port), timeout=2)
            except OSError:
                _shut(near)
                continue
            far.settimeout(None)
            with self._lock:
                self._sockets |= {near, far}
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), name="cut-pump", daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                self._flowing.wait()
                sink.sendall(data)
        with self._lock:
            self._sockets -= {source, sink}
        _shut(source)
        _shut(sink)


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
