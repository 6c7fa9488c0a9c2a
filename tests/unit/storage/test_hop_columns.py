"""Closed hops as bytes and back."""

from __future__ import annotations

import numpy as np

from storage.hop_columns import HopArrays, HopColumns

HOPS = HopArrays(
    channel=np.array([7, 2**31 - 1], np.int32),
    start_ns=np.array([-1, 2**62], np.int64),
    value=np.array([0.1, -0.0]),
    readings=np.array([1, 900], np.int32),
    expected=np.array([np.nan, 5e-324]),
    band=np.array([np.inf, 1.0]),
    novelty=np.array([-3.5, np.nan]),
)


def test_columns_come_back_to_the_bit() -> None:
    found = HopColumns.of(HOPS).arrays()
    assert [column.dtype for column in found] == [column.dtype for column in HOPS]
    assert [column.tobytes() for column in found] == [column.tobytes() for column in HOPS]


def test_each_column_is_little_endian_whatever_it_was_computed_in() -> None:
    """What is in journals already was written so."""
    packed = HopColumns.of(
        HOPS._replace(channel=HOPS.channel.astype(np.int64), readings=HOPS.readings.astype(np.float64))
    )
    assert packed.channel == (7).to_bytes(4, "little") + (2**31 - 1).to_bytes(4, "little")
    assert packed.count == (1).to_bytes(4, "little") + (900).to_bytes(4, "little")


def test_no_hops_are_no_bytes() -> None:
    assert [len(column) for column in HopColumns().arrays()] == [0] * 7
