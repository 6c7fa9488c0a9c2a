"""Loopback ports for the servers of tests: none is given twice, and the system gives none of them to others.

A port that the system names as free is of the range from which it also serves connections and the next who asks: it
may be gone before the server that it was for opens it. These are from below that range. Each process begins at a
place of its own and goes round, so that test runs beside each other seldom meet; a port in use is passed over.
"""

from __future__ import annotations

import itertools
import os
import socket
import threading
from collections.abc import Iterator
from typing import Final

__all__ = ["free_port"]

_PORTS: Final = range(10_000, 32_000)
_STRIDE: Final = 997  # ports between the places of processes whose numbers follow each other; prime to the range
_taken = threading.Lock()
_first = os.getpid() * _STRIDE % len(_PORTS)
_round: Iterator[int] = itertools.cycle([*_PORTS[_first:], *_PORTS[:_first]])


def free_port(host: str = "127.0.0.1") -> int:
    """Give a port that nothing uses and that nobody else in this process was given before."""
    with _taken:
        for port in itertools.islice(_round, len(_PORTS)):
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
                try:
                    probe.bind((host, port))
                except OSError:
                    continue
            return port
    raise RuntimeError(f"no port of {_PORTS} is free on {host}")
