"""A paho client that takes many messages out of one read of the socket, and acknowledges many in one write.

Stock paho asks the socket for the first byte of a packet, for each byte of its length and for its rest, and wraps
every message in an object with two locks. Here one read fills a buffer; whole PUBLISH packets at its front are cut
out in one pass, and everything else (other packets, a packet that paho has begun, anything odd) is left to paho, which
reads from the same buffer. So the protocol stays paho's: what is not a plain whole PUBLISH it judges itself.

Three private names of paho are used (`_sock_recv`, `_in_packet`, `_packet_queue`); the lock file pins its version and
`tests/unit/ingest/test_burst_client.py` compares with a stock client byte by byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import paho.mqtt.client as paho

from ingest.connection import Packet

__all__ = ["BurstClient"]

_READ_BYTES: Final = 65_536
_PUBLISH: Final = 0x30
_PUBACK: Final = 0x40
_PUBACK_HEAD: Final = bytes((_PUBACK, 2))
_RETAINED: Final = 0x01
_RESENT: Final = 0x08
_QOS_BITS: Final = 0x06
_AT_LEAST_ONCE: Final = 0x02
# A remaining length has at most four bytes (MQTT 3.1.1 section 2.2.3); seven bits count in each.
_LENGTH_BYTES: Final = 4
_MORE: Final = 0x80


class BurstClient(paho.Client):
    """A `paho.mqtt.client.Client` with `read_burst` and `acknowledge_all`; MQTT 3.1.1 only."""

    _received: bytes = b""
    _is_ended = False

    def read_burst(self) -> tuple[list[Packet], bool]:
        """Read what the socket has, once.

        Returns
        -------
        packets : list of Packet
            Whole messages at QoS 0 and 1, in the order they came.
        alive : bool
            False when the connection has ended, of which `on_disconnect` has been told; `packets` came before it.
        """
        self._fill()
        packets: list[Packet] = []
        while True:
            if not self._in_packet["command"]:
                self._received = _cut_publishes(self._received, packets)
            if not self._received and not self._is_ended:
                break
            if not self._in_packet["command"] and self._waits_for_more():
                break
            before = len(self._received)
            if self.loop_read() != paho.MQTT_ERR_SUCCESS:
                return packets, False
            if len(self._received) == before and not self._is_ended:
                break
        return packets, True

    def acknowledge_all(self, mids: Sequence[int]) -> None:
        """Acknowledge messages at QoS 1, in this order and in one write."""
        packet = b"".join([_PUBACK_HEAD + mid.to_bytes(2) for mid in mids])
        self._packet_queue(_PUBACK, bytearray(packet), 0, 1)

    def _fill(self) -> None:
        """Put what the socket has behind what waits."""
        try:
            fresh = super()._sock_recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self._is_ended = True
            return
        if fresh:
            # As paho does: keep-alive goes by bytes, so that a long message on a slow line is no silence.
            with self._msgtime_mutex:
                self._last_bytes_received = paho.time_func()
            self._received = self._received + fresh if self._received else fresh
        else:
            self._is_ended = True

    def _waits_for_more(self) -> bool:
        """Tell whether what is left is the beginning of a message whose end has not come."""
        received = self._received
        return (
            not self._is_ended
            and bool(received)
            and received[0] & 0xF0 == _PUBLISH
            and received[0] & _QOS_BITS <= _AT_LEAST_ONCE
            and _is_beginning(received)
        )

    def _sock_recv(self, bufsize: int) -> bytes:
        """Give paho what was read ahead; it asks the socket through here."""
        if self._received:
            taken, self._received = self._received[:bufsize], self._received[bufsize:]
            return taken
        if self._is_ended:
            return b""
        return super()._sock_recv(bufsize)


def _is_beginning(received: bytes) -> bool:
    """Tell whether a sound packet may still come of it: its length is cut off, or sound and not all there."""
    remaining = _remaining_length(received, 0)
    if remaining is None:
        return len(received) <= _LENGTH_BYTES
    start, length = remaining
    return start + length > len(received)


def _remaining_length(received: bytes, at: int) -> tuple[int, int] | None:
    """Read the length of the packet that begins at `at`: where its rest begins, and how long that is."""
    length = 0
    for place in range(1, _LENGTH_BYTES + 1):
        if at + place >= len(received):
            return None
        byte = received[at + place]
        length |= (byte & 0x7F) << (7 * (place - 1))
        if not byte & _MORE:
            return at + place + 1, length
    return None


def _cut_publishes(received: bytes, packets: list[Packet]) -> bytes:
    """Move whole PUBLISH packets from the front into `packets`, up to the first that is none; give the rest."""
    at, end = 0, len(received)
    make = tuple.__new__  # a third of the time of the named tuple's own constructor
    while at + 1 < end:
        flags = received[at]
        qos = flags & _QOS_BITS
        if flags & 0xF0 != _PUBLISH or qos > _AT_LEAST_ONCE:
            break
        # One or two bytes of length are nearly every message; longer ones take the loop.
        low = received[at + 1]
        if low < _MORE:
            start, length = at + 2, low
        elif at + 2 < end and received[at + 2] < _MORE:
            start, length = at + 3, (low & 0x7F) | received[at + 2] << 7
        else:
            found = _remaining_length(received, at)
            if found is None:
                break
            start, length = found
        stop = start + length
        if stop > end or length < 2:  # noqa: PLR2004 -- the topic's own length takes two bytes
            break
        topic_end = start + 2 + (received[start] << 8 | received[start + 1])
        body = topic_end + 2 if qos else topic_end
        if body > stop:
            break
        mid = received[topic_end] << 8 | received[topic_end + 1] if qos else 0
        if qos and not mid:
            break  # not allowed; paho decides what comes of it
        topic, payload = received[start + 2 : topic_end], received[body:stop]
        packets.append(make(Packet, (topic, payload, bool(flags & _RETAINED), bool(flags & _RESENT), mid, qos >> 1)))
        at = stop
    return received[at:] if at else received
