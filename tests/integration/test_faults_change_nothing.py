"""The short form of `make faults`: fewer days and fewer faults, the same processes and the same comparison."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from service.settings import load_settings
from storage.series import SqliteSeries
from tests.faults.evidence import evidence_of
from tests.faults.proxy import CutProxy
from tests.faults.run import Stream, known_stream, run_with_faults, undisturbed
from tests.faults.schedule import ALWAYS, draw_faults
from tests.lengths import either

pytestmark = pytest.mark.slow

DAYS = either(49, long=60)  # with three alarms or five
SEED = either(3839, long=20)  # ingest, projections and broker are killed, connections cut, the broker frozen


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Stream:
    return known_stream(tmp_path_factory.mktemp("stream"), days=DAYS)


def test_the_stream_leads_to_alarms_and_refusals(stream: Stream) -> None:
    """A comparison of nothing with nothing would always hold."""
    for rows, least in ((stream.evidence.alarms, 1), (stream.evidence.refusals, 5), (stream.evidence.hops, 10_000)):
        assert int(rows.split()[0]) >= least
    assert stream.evidence.stored > 30_000


def test_faults_change_no_row_no_sum_no_bit_of_state_and_no_alarm(stream: Stream) -> None:
    run = run_with_faults(stream, seed=SEED, count=6)
    assert run.done.total() == 6
    assert run.wrong == ()
    assert run.unasked == ()


def test_a_lost_message_would_be_seen_and_so_would_a_doubled_reading(tmp_path: Path) -> None:
    """A comparison that cannot fail would prove nothing."""
    whole = known_stream(tmp_path / "whole", days=3)
    lost = undisturbed(tmp_path / "lost", whole.scenario, [*whole.messages[:20], *whole.messages[21:]])
    told = " ".join(whole.evidence.differences(lost))
    assert all(word in told for word in ("model_state", "readings", "sum_of_values", "stored"))
    again = undisturbed(tmp_path / "again", whole.scenario, [*whole.messages, *whole.messages[:20]])
    assert whole.evidence.differences(again) == []
    series = SqliteSeries(tmp_path / "again" / "series.sqlite")
    series._db.execute("INSERT INTO sensor_reading SELECT sensor_number, time_ns + 1, body FROM sensor_reading LIMIT 1")
    series.close()
    doubled = evidence_of(load_settings({"data_dir": tmp_path / "again"}), again.model_state)
    assert [text.split(":")[0] for text in whole.evidence.differences(doubled)] == ["readings", "sum_of_values"]


def test_a_seed_draws_the_same_faults_again() -> None:
    assert draw_faults(7, 20, ALWAYS) == draw_faults(7, 20, ALWAYS)
    assert draw_faults(7, 20, ALWAYS) != draw_faults(8, 20, ALWAYS)
    assert {fault.kind for fault in draw_faults(1, 200, ALWAYS)} == set(ALWAYS)


def test_the_proxy_cuts_and_stalls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as target:
        proxy = CutProxy(target.getsockname()[1])

        def echo() -> None:
            while True:
                try:
                    peer, _ = target.accept()
                except OSError:
                    return
                with peer:
                    while data := peer.recv(100):
                        peer.sendall(data)

        threading.Thread(target=echo, daemon=True).start()
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
            client.sendall(b"one")
            assert client.recv(10) == b"one"
            proxy.stall()
            client.sendall(b"two")
            client.settimeout(0.2)
            with pytest.raises(TimeoutError):
                client.recv(10)
            proxy.flow()
            client.settimeout(5)
            assert client.recv(10) == b"two"
            assert proxy.cut() == 2
            assert client.recv(10) == b""
        proxy.close()
