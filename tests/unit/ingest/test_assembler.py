from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from domain.errors import PayloadError
from domain.identifiers import AssetId, GatewayId, SensorId
from ingest.assembler import DroppedBurst, ReceivedBlock, WaveformAssembler
from ingest.blocks import decode_assembled
from ingest.formats.project import MAX_SAMPLES, RawBlock, SampleEncoding
from tests.unit.ingest.room import T0, Room

_SECOND = 1_000_000_000


def _part(part: int, parts: int = 3, *, received_ns: int = 0, sensor: str = "raw1", **changes: Any) -> ReceivedBlock:
    data = np.array([part * 10, part * 10 + 1], "<i2").tobytes()
    raw = RawBlock("burst", "z", T0, 1000.0, 2, "m/s2", SampleEncoding.I16, 1.0, 0.0, data, part, parts, False, False)
    return ReceivedBlock(GatewayId("gw-7"), AssetId("brug-042"), SensorId(sensor), raw._replace(**changes), received_ns)


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
def test_parts_in_any_order_make_the_same_block(order: tuple[int, ...], room: Room) -> None:
    assembler = WaveformAssembler()
    results = [assembler.add(_part(part, received_ns=at)) for at, part in enumerate(order)]
    assert results[:2] == [None, None]
    whole = results[2]
    assert whole is not None
    assert (whole.raw.length, whole.raw.parts, whole.received_ns) == (6, 1, 2)
    assert len(assembler) == assembler.bytes_held == 0
    groups = decode_assembled([whole], room.resolver, room.limits)
    ((block, of_block),) = groups.blocks
    assert block.samples.tolist() == [[10, 11, 20, 21, 30, 31]]
    assert block.start_ns.tolist() == [T0]
    assert of_block.tolist() == [0]


def test_a_part_that_comes_twice_changes_nothing() -> None:
    assembler = WaveformAssembler()
    assert [assembler.add(_part(part)) for part in (1, 1, 2, 2)] == [None] * 4
    assert assembler.add(_part(3)) is not None
    assert assembler.add(_part(3)) is None
    assert len(assembler) == 0


def test_bursts_of_two_sensors_stay_apart() -> None:
    assembler = WaveformAssembler()
    assembler.add(_part(1, 2))
    assert assembler.add(_part(2, 2, sensor="raw2")) is None
    assert len(assembler) == 2


def test_a_burst_that_stays_unfinished_is_given_up_and_counted() -> None:
    assembler = WaveformAssembler(expiry_s=60)
    assembler.add(_part(1, received_ns=0))
    assembler.add(_part(2, received_ns=59 * _SECOND))
    assert assembler.expire(60 * _SECOND) == []
    assert assembler.expire(60 * _SECOND + 1) == [
        DroppedBurst(AssetId("brug-042"), SensorId("raw1"), "z", "burst", 2, 3)
    ]
    assert len(assembler) == assembler.bytes_held == 0
    assert assembler.add(_part(3)) is None


def test_what_is_held_is_bounded_in_bytes_and_number() -> None:
    assembler = WaveformAssembler(max_bytes=10, max_bursts=100)
    for number in range(50):
        assembler.add(_part(1, id=f"b{number}"))
        assert assembler.bytes_held <= 10
    assert len(assembler.expire(0)) == 48
    few = WaveformAssembler(max_bursts=3)
    for number in range(50):
        few.add(_part(1, id=f"b{number}"))
    assert len(few) == 3


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sampling_rate_hz": 999.0}, "bad_value"),
        ({"unit": "g"}, "bad_value"),
        ({"parts": 4}, "bad_value"),
        ({"start_ns": T0 + 1}, "bad_value"),
        ({"length": MAX_SAMPLES}, "too_large"),
    ],
)
def test_a_part_that_contradicts_the_first_is_refused_and_the_burst_goes_on(changes: dict[str, Any], code: str) -> None:
    assembler = WaveformAssembler()
    assembler.add(_part(1))
    with pytest.raises(PayloadError) as caught:
        assembler.add(_part(2, **changes))
    assert caught.value.code == code
    assembler.add(_part(2))
    assert assembler.add(_part(3)) is not None


def test_a_whole_burst_whose_sensor_is_gone_from_the_register_is_refused(room: Room) -> None:
    groups = decode_assembled([_part(1, 1, sensor="gone"), _part(1, 1)], room.resolver, room.limits)
    assert [(position, error.code) for position, error in groups.refused] == [(0, "unknown_channel")]
    assert groups.blocks[0][1].tolist() == [1]
