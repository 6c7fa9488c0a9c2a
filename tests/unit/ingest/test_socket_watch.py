"""Waiting for a socket of one's own making, and being woken."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from ingest.socket_watch import SocketWatch


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_it_tells_what_the_socket_is_ready_for_among_what_was_asked(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    watch = SocketWatch()
    with watch.watching() as watched:
        assert watched.wait(ours, 0.0, reads=True, writes=False) == (False, False)
        assert watched.wait(ours, 0.0, reads=True, writes=True) == (False, True)
        theirs.send(b"x")
        assert watched.wait(ours, 1.0, reads=True, writes=True) == (True, True)
        assert watched.wait(ours, 0.0, reads=False, writes=False) == (False, False)
        assert watched.wait(ours, 1.0, reads=True, writes=False) == (True, False)
    watch.close()


def test_another_thread_wakes_it_at_once_and_however_often(pair: tuple[socket.socket, socket.socket]) -> None:
    watch = SocketWatch()

    def wake_often() -> None:
        for _ in range(10_000):
            watch.wake()

    with watch.watching() as watched:
        waker = threading.Timer(0.05, wake_often)
        waker.start()
        begun = time.monotonic()
        assert watched.wait(pair[0], 10.0, reads=True, writes=False) == (False, False)
        assert time.monotonic() - begun < 5.0
        waker.join()
        watched.wait(pair[0], 0.0, reads=True, writes=False)
        begun = time.monotonic()
        assert watched.wait(pair[0], 0.1, reads=True, writes=False) == (False, False)
        assert time.monotonic() - begun >= 0.09, "all that was said was heard in one look"
    watch.close()


def test_a_wake_before_the_next_connection_is_not_lost(pair: tuple[socket.socket, socket.socket]) -> None:
    watch = SocketWatch()
    watch.wake()
    with watch.watching() as watched:
        begun = time.monotonic()
        watched.wait(pair[0], 10.0, reads=True, writes=False)
        assert time.monotonic() - begun < 5.0
    watch.close()
