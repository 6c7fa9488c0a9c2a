"""The load of the benchmarks: a register of many sensors, their messages, and publishers that cost next to nothing.

Publishers are processes of their own. They speak MQTT 3.1.1 at QoS 1 over a plain socket and keep a bounded number of
messages unacknowledged; every message is a copy of a prepared one with its packet number and time put in place, so
that what is measured is the broker and the receiver. They end before the broker that they publish to does, however a
part ends, and one whose broker goes away says so in a sentence: a traceback would hide what the part has to tell.
"""

from __future__ import annotations

import base64
import json
import multiprocessing
import signal
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Final

import numpy as np

__all__ = ["Load", "publishing", "write_register"]

_START_S: Final = 1_704_067_200  # the first of January 2024
_GATEWAYS: Final = 50
_UNDER_WAY: Final = 512
_CHUNK: Final = 64
_SECONDS_WITHOUT_ANSWER: Final = 60.0
_CONNACK_AND_PUBACK_BYTES: Final = 4
_VALUES: Final = ("vibration_rms.x", "vibration_rms.y", "vibration_rms.z", "strain", "tilt")
_CLIMATE: Final = ("temperature", "deck_temperature", "humidity", "wind_speed", "rain")
_UNITS: Final = dict(
    zip((*_VALUES, *_CLIMATE), ("mm/s",) * 3 + ("um/m", "rad", "Cel", "Cel", "%RH", "m/s", "mm/h"), strict=True)
)


@dataclass(frozen=True, slots=True)
class Load:
    """What is published.

    Attributes
    ----------
    kind : {"waveform", "values"}
        Blocks of raw samples, or messages of ten values.
    sensors : int
        All of them; `sensors_of_an_asset` on each asset.
    rounds : int
        Messages of each sensor, from round number `first` on.
    samples : int
        Of a block.
    step_s : int
        Event time from one round to the next.
    start_s : int
        Event time of the first round, Unix seconds.
    """

    kind: str
    sensors: int
    rounds: int
    samples: int = 100
    step_s: int = 600
    sensors_of_an_asset: int = 10
    first: int = 0
    start_s: int = _START_S

    @property
    def messages(self) -> int:
        """All messages."""
        return self.sensors * self.rounds

    def place(self, sensor: int) -> tuple[str, str, str]:
        """Give gateway, asset and name of a sensor."""
        asset = sensor // self.sensors_of_an_asset
        return f"gw{asset % _GATEWAYS}", f"a{asset}", f"s{sensor}"

    def topic(self, sensor: int) -> str:
        """Give the topic of a sensor."""
        last = "waveform" if self.kind == "waveform" else "reading"
        return "/".join(("infra/v1", *self.place(sensor), last))

    def time_text(self, number: int) -> str:
        """Give the device time of a round."""
        return datetime.fromtimestamp(self.start_s + self.step_s * number, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def payload(self, sensor: int, number: int) -> bytes:
        """Give the payload of one message; all of one sensor differ in their time alone."""
        time = self.time_text(number)
        name = self.place(sensor)[2]
        generator = np.random.default_rng(sensor)
        if self.kind == "waveform":
            raw = (2000.0 * generator.standard_normal(self.samples)).astype("<i2").tobytes()
            block = {"v": 1, "sensor": name, "axis": "z", "t0": time, "fs_hz": 100.0, "n": self.samples, "unit": "m/s2"}
            block |= {"enc": "i16le", "scale": 0.0005, "data": base64.b64encode(raw).decode()}
            return json.dumps(block).encode()
        values = {
            channel: {"value": round(float(value), 3), "unit": _UNITS[channel]}
            for channel, value in zip(_UNITS, 1.0 + generator.random(len(_UNITS)), strict=True)
        }
        return json.dumps({"v": 1, "sensor": name, "t": time, "values": values}).encode()


def write_register(load: Load, folder: Path) -> list[Path]:
    """Write `assets.csv` and `sensors.csv` of a load."""
    assets, sensors = folder / "assets.csv", folder / "sensors.csv"
    names = dict.fromkeys(load.place(sensor)[1] for sensor in range(load.sensors))
    head = "id,name,type,lat,lon,built_year,planned_repair_cost_eur,emergency_repair_cost_eur,closure_hours\n"
    assets.write_text(head + "".join(f"{name},{name},bridge,52.1,5.1,1980,10000,30000,8\n" for name in names))
    rows = ["asset,sensor,channel,unit,axis,gateway,position,interval_s\n"]
    for sensor in range(load.sensors):
        gateway, asset, name = load.place(sensor)
        if load.kind == "waveform":
            rows.append(f"{asset},{name},waveform,m/s2,z,{gateway},deck,{load.step_s}\n")
            continue
        for channel, unit in _UNITS.items():
            quantity, _, axis = channel.partition(".")
            rows.append(f"{asset},{name},{quantity},{unit},{axis},{gateway},deck,{load.step_s}\n")
    sensors.write_text("".join(rows))
    return [assets, sensors]


@contextmanager
def publishing(load: Load, port: int, *, count: int = 2, rate: float = 0.0) -> Iterator[list[BaseProcess]]:
    """Start processes that publish a load, each its share of the sensors, round after round.

    They begin together when all have prepared what they send: what it takes to start them is not measured. Those that
    still publish when the block is left are ended.

    Parameters
    ----------
    rate : float
        Messages a second of all together; 0: as fast as the broker takes them.

    Raises
    ------
    BrokenBarrierError
        If one of them does not get so far.
    """
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(count + 1)
    processes: list[BaseProcess] = []
    try:
        for share in range(count):
            arguments = (load, port, share, count, rate / count, ready)
            process = context.Process(target=_publish, args=arguments, daemon=True)
            process.start()
            processes.append(process)
        ready.wait(_SECONDS_WITHOUT_ANSWER)
        yield processes
    finally:
        for publisher in processes:
            publisher.kill()
            publisher.join()


def _publish(load: Load, port: int, share: int, count: int, rate: float, ready: Barrier) -> None:
    """Publish the sensors of one share; ends when every message is acknowledged, or nothing is for a minute."""
    # Ctrl-C is for the benchmark, which ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _send(load, port, share, count, rate, ready)
    except OSError as error:
        sys.exit(f"a publisher of the load lost the broker on port {port} ({error}); see its log")


def _send(load: Load, port: int, share: int, count: int, rate: float, ready: Barrier) -> None:
    import time  # noqa: PLC0415 -- only here, in the child

    prepared = [_prepare(load, sensor) for sensor in range(share, load.sensors, count)]
    with socket.create_connection(("127.0.0.1", port), timeout=_SECONDS_WITHOUT_ANSWER) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = f"load-{share}".encode()
        body = b"\x00\x04MQTT\x04\x02\x00\x00" + struct.pack("!H", len(client)) + client
        link.sendall(b"\x10" + bytes([len(body)]) + body)
        _receive(link, _CONNACK_AND_PUBACK_BYTES)
        ready.wait(_SECONDS_WITHOUT_ANSWER)
        began, sent, waiting, mid = time.monotonic(), 0, 0, 0
        for number in range(load.first, load.first + load.rounds):
            time_text = load.time_text(number).encode()
            for chunk in _chunks(prepared):
                packets = bytearray()
                for packet, mid_at, time_at in chunk:
                    mid = mid % 65_535 + 1
                    packet[mid_at : mid_at + 2] = mid.to_bytes(2, "big")
                    packet[time_at : time_at + 20] = time_text
                    packets += packet
                if rate:
                    time.sleep(max(0.0, began + sent / rate - time.monotonic()))
                link.sendall(packets)
                sent += len(chunk)
                waiting += len(chunk)
                while waiting > _UNDER_WAY:
                    waiting -= _receive(link, _CONNACK_AND_PUBACK_BYTES) // _CONNACK_AND_PUBACK_BYTES
        while waiting:
            waiting -= _receive(link, _CONNACK_AND_PUBACK_BYTES) // _CONNACK_AND_PUBACK_BYTES
        link.sendall(b"\xe0\x00")


def _chunks(prepared: list[tuple[bytearray, int, int]]) -> Iterator[list[tuple[bytearray, int, int]]]:
    for first in range(0, len(prepared), _CHUNK):
        yield prepared[first : first + _CHUNK]


def _prepare(load: Load, sensor: int) -> tuple[bytearray, int, int]:
    """Make the packet of a sensor, with the places of its number and its time."""
    topic, payload = load.topic(sensor).encode(), load.payload(sensor, 0)
    rest = struct.pack("!H", len(topic)) + topic + b"\x00\x00" + payload
    head, length = bytearray(b"\x32"), len(rest)
    while True:
        length, low = divmod(length, 128)
        head.append(low | (0x80 if length else 0))
        if not length:
            break
    packet = head + rest
    mid_at = len(head) + 2 + len(topic)
    return packet, mid_at, packet.index(load.time_text(0).encode())


def _receive(link: socket.socket, unit: int) -> int:
    """Wait for answers of one length each, and give how many bytes of them came."""
    answer = link.recv(65_536)
    if not answer:
        raise ConnectionError("it closed the connection")
    while len(answer) % unit:
        answer += link.recv(unit - len(answer) % unit)
    return len(answer)
