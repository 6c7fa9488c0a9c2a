"""Reading in bursts gives what stock paho gives, however the bytes are cut; acknowledgements are one write."""

from __future__ import annotations

import itertools
import struct
from typing import Any

import paho.mqtt.client as paho
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion

from ingest.burst_client import BurstClient

_PING_ANSWER = b"\xd0\x00"
_SUBACK = b"\x90\x06\x00\x01\x01\x01\x01\x01"


class _Socket:
    """A socket that gives its bytes in the pieces of a script, with a pause behind each, then ends or stays silent."""

    def __init__(self, pieces: list[bytes], *, ends: bool) -> None:
        self.pieces = [piece for piece in pieces if piece]
        self.ends = ends
        self.pause = False
        self.sent: list[bytes] = []

    def recv(self, size: int) -> bytes:
        if self.pause or not self.pieces:
            self.pause = False
            if self.ends and not self.pieces:
                return b""
            raise BlockingIOError
        piece = self.pieces[0]
        self.pieces[0] = piece[size:]
        if not self.pieces[0]:
            self.pieces.pop(0)
            self.pause = True
        return piece[:size]

    def send(self, data: bytes) -> int:
        self.sent.append(bytes(data))
        return len(data)

    def close(self) -> None:
        self.pieces = []


def _publish(
    topic: bytes, payload: bytes, mid: int, qos: int, *, retained: bool = False, resent: bool = False
) -> bytes:
    body = struct.pack("!H", len(topic)) + topic + (struct.pack("!H", mid) if qos else b"") + payload
    length, rest = b"", len(body)
    while True:
        rest, low = divmod(rest, 128)
        length += bytes([low | (0x80 if rest else 0)])
        if not rest:
            return bytes([0x30 | resent << 3 | qos << 1 | retained]) + length + body


def _read(kind: type[paho.Client], pieces: list[bytes], *, ends: bool, turns: int) -> tuple[list[Any], list[str], Any]:
    """Let a client of this kind read all pieces; give its messages, what it said of the connection, and the client."""
    client: Any = kind(
        CallbackAPIVersion.VERSION2, client_id="t", clean_session=False, protocol=paho.MQTTv311, manual_ack=True
    )
    messages: list[Any] = []
    said: list[str] = []
    client.on_message = lambda _c, _d, m: messages.append((m._topic, bytes(m.payload), m.retain, m.dup, m.mid, m.qos))
    client.on_subscribe = lambda _c, _d, mid, reasons, _p: said.append(f"subscribed {mid} {len(reasons)}")
    client.on_disconnect = lambda _c, _d, _f, reason, _p: said.append(f"lost: {reason}")
    client._sock = _Socket(pieces, ends=ends)
    for _ in range(turns):
        if client._sock is None:
            break
        if isinstance(client, BurstClient):
            packets, _alive = client.read_burst()
            messages.extend(map(tuple, packets))
        else:
            client.loop_read()
    return messages, said, client


# Topic, size of the payload, packet number, quality of service, retained, sent again; or another packet as it is.
_PACKETS = st.one_of(
    st.tuples(
        st.binary(min_size=1, max_size=12),
        st.one_of(st.integers(0, 200), st.integers(16_000, 20_000)),
        st.integers(1, 65_535),
        st.sampled_from([0, 1]),
        st.booleans(),
        st.booleans(),
    ),
    st.sampled_from([_PING_ANSWER, _SUBACK]),
)


def _bytes(packet: bytes | tuple[bytes, int, int, int, bool, bool]) -> bytes:
    if isinstance(packet, bytes):
        return packet
    topic, size, mid, qos, retained, resent = packet
    payload = bytes(range(256)) * (size // 256) + bytes(size % 256)
    return _publish(topic, payload, mid, qos, retained=retained, resent=resent)


@given(packets=st.lists(_PACKETS, max_size=8), cuts=st.lists(st.integers(0, 40_000), max_size=6), ends=st.booleans())
def test_however_the_bytes_are_cut_it_reads_what_stock_paho_reads(
    packets: list[bytes | tuple[bytes, int, int, int, bool, bool]], cuts: list[int], *, ends: bool
) -> None:
    stream = b"".join(map(_bytes, packets))
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[low:high] for low, high in itertools.pairwise(edges)]
    turns = 2 * (len(pieces) + len(packets)) + 8
    ours, theirs = (_read(kind, pieces, ends=ends, turns=turns) for kind in (BurstClient, paho.Client))
    assert ours[:2] == theirs[:2]


@given(stream=st.binary(max_size=60), ends=st.booleans())
def test_bytes_that_are_no_mqtt_end_as_with_stock_paho(stream: bytes, *, ends: bool) -> None:
    # CONNACK, PUBREC and their kind would make either client act on a session that this test has not made.
    stream = b"\x31" + stream
    ours, theirs = (_read(kind, [stream], ends=ends, turns=200) for kind in (BurstClient, paho.Client))
    assert ours[1] == theirs[1]
    assert ours[0] == theirs[0]


@pytest.mark.parametrize("size", [0, 117, 118, 16_373, 16_374, 70_000, 2_200_000])
def test_every_length_of_the_length_is_understood(size: int) -> None:
    stream = _publish(b"t", b"x" * size, 7, 1) + _publish(b"u", b"y", 8, 1)
    pieces = [stream[at : at + 65_536] for at in range(0, len(stream), 65_536)]
    client: Any = BurstClient(CallbackAPIVersion.VERSION2, client_id="t", clean_session=False, protocol=paho.MQTTv311)
    client._sock = _Socket(pieces, ends=False)
    packets = []
    for _ in range(2 * len(pieces) + 2):
        packets += client.read_burst()[0]
    assert [(packet.mid, len(packet.payload)) for packet in packets] == [(7, size), (8, 1)]


def test_messages_are_acknowledged_in_their_order_and_in_one_write() -> None:
    client: Any = BurstClient(
        CallbackAPIVersion.VERSION2, client_id="t", clean_session=False, protocol=paho.MQTTv311, manual_ack=True
    )
    client._sock = _Socket([], ends=False)
    client.acknowledge_all([1, 300, 65_535])
    assert client._sock.sent == [bytes.fromhex("40020001 4002012c 4002ffff")]


def test_reading_counts_as_life_for_keep_alive() -> None:
    client: Any = BurstClient(CallbackAPIVersion.VERSION2, client_id="t", clean_session=False, protocol=paho.MQTTv311)
    client._sock = _Socket([_publish(b"t", b"x", 1, 1)], ends=False)
    client._last_bytes_received = -1.0
    assert len(client.read_burst()[0]) == 1
    assert client._last_bytes_received > 0
