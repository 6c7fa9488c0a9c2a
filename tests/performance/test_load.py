"""Publishers of the benchmarks end with the part that they publish for, and say nothing of it."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.performance.load import Load, publishing

LOAD = Load("waveform", 50, 20)
_CONNACK = b"\x20\x02\x00\x00"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@contextmanager
def broker(*, resets: bool) -> Iterator[int]:
    """Greet publishers and acknowledge nothing; or reset their connections at their first message."""
    listener = socket.create_server(("127.0.0.1", 0))
    links: list[socket.socket] = []

    def serve(link: socket.socket) -> None:
        link.recv(1024)
        link.sendall(_CONNACK)
        link.recv(1024)
        if resets:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            link.close()

    def accept() -> None:
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            links.append(link)
            threading.Thread(target=serve, args=(link,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for link in links:
            link.close()


@pytest.mark.slow
def test_publishers_that_are_not_done_end_with_their_part(capfd: pytest.CaptureFixture[str]) -> None:
    """They lived on until the broker had gone, and each printed a ConnectionResetError with its traceback."""
    with broker(resets=False) as port:
        with pytest.raises(RuntimeError, match="not visible"), publishing(LOAD, port) as processes:
            raise RuntimeError("not visible")
        assert [process.is_alive() for process in processes] == [False, False]
    time.sleep(0.2)
    assert capfd.readouterr().err == ""


@pytest.mark.slow
def test_a_broker_that_resets_the_connection_is_a_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    with broker(resets=True) as port, publishing(LOAD, port, count=1) as (process,):
        process.join(30)
        assert process.exitcode == 1
    told = capfd.readouterr().err
    assert told.startswith(f"a publisher of the load lost the broker on port {port} (")
    assert told.count("\n") == 1
