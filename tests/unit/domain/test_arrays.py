"""Array records check that their columns belong together."""

from __future__ import annotations

import numpy as np
import pytest

from domain.arrays import FeatureTable, ReadingColumns, SignalBlock
from domain.errors import PayloadError, SchouwError, ShapeError, StorageCorrupt, StorageUnavailable
from domain.identifiers import is_identifier
from domain.register import Asset, AssetType, Channel, Direction, Role


def columns(count: int) -> ReadingColumns:
    return ReadingColumns(
        np.arange(count, dtype=np.int32),
        np.arange(count, dtype=np.int64),
        np.arange(count, dtype=np.float64),
        np.zeros(count, np.uint8),
    )


def test_columns_of_different_lengths_are_refused() -> None:
    three, two = columns(3), columns(2)
    with pytest.raises(ShapeError, match=r"ReadingColumns got columns of shape \(3,\) and \(2,\)"):
        ReadingColumns(three.channel, three.time_ns, two.value, three.flags)
    with pytest.raises(ShapeError, match="FeatureTable"):
        FeatureTable(three.time_ns, two.time_ns, three.value, three.value > 0, three.channel, three.value > 0)
    with pytest.raises(ShapeError, match="FeatureTable"):
        FeatureTable(three.time_ns, three.time_ns, three.value, two.value > 0, three.channel, three.value > 0)
    with pytest.raises(ShapeError, match="SignalBlock"):
        SignalBlock(three.channel, three.time_ns, 100.0, np.zeros((2, 8)), three.value > 0)


def test_readings_are_selected_and_joined_in_order() -> None:
    parts = [columns(3).take(np.array([2, 0])), columns(2).take(slice(1, None)), ReadingColumns.empty()]
    joined = ReadingColumns.concatenate(parts)
    assert joined.value.tolist() == [2.0, 0.0, 1.0]
    assert [len(part) for part in parts] == [2, 1, 0]
    nothing = ReadingColumns.concatenate([])
    assert [column.dtype for column in (nothing.channel, nothing.time_ns, nothing.value, nothing.flags)] == [
        np.dtype(name) for name in ("int32", "int64", "float64", "uint8")
    ]


def test_a_hop_ends_where_the_next_begins() -> None:
    start, length = np.array([0, 3600], np.int64), np.array([3600, 60], np.int64)
    table = FeatureTable.of_single(start, length, np.zeros(0), np.zeros(0, np.bool_))
    assert table.end_ns.tolist() == [3600, 3660]


@pytest.mark.parametrize("text", ["a", "brug-042", "A_9", "x" * 64])
def test_identifiers_that_travel(text: str) -> None:
    assert is_identifier(text)


@pytest.mark.parametrize("text", ["", "brug 042", "a/b", "a+", "#", "é", "x" * 65, "a\n", "a\0"])
def test_identifiers_that_do_not(text: str) -> None:
    assert not is_identifier(text)


def test_a_channel_is_named_by_asset_sensor_and_quantity_with_axis() -> None:
    asset = Asset("a", "A", AssetType.LOCK)  # type: ignore[arg-type]  # as text, to show that it is
    channel = Channel(asset.id, "s", "vibration_rms.x", "mm/s", "g", 60.0, Role.CONDITION, Direction.UP)  # type: ignore[arg-type]  # the same
    assert channel.key == ("a", "s", "vibration_rms.x")
    assert channel.quantity == "vibration_rms"


def test_errors_say_who_must_act() -> None:
    refusal = PayloadError("bad_unit", "got unit 'x'")
    assert (refusal.code, refusal.reason, str(refusal)) == ("bad_unit", "got unit 'x'", "got unit 'x'")
    assert isinstance(refusal, SchouwError)
    assert (StorageUnavailable("away").retryable, StorageCorrupt("damaged").retryable) == (True, False)
