"""What is written into the journal comes back to the bit, and what is not ours is told apart."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from domain.arrays import ReadingColumns
from domain.errors import StorageCorrupt
from domain.measurements import DataQuality, DeadLetter
from domain.records import (
    Alarm,
    AlarmState,
    Decision,
    DecisionVerb,
    FailureProbability,
    Reason,
    RemainingLife,
    RiskAssessment,
    RiskState,
)
from domain.register import Asset, AssetType, Channel, Direction, Register, Role, Works
from storage.entries import (
    AlarmChange,
    BatchBody,
    ClosingBody,
    DecisionBody,
    EntryBody,
    GatewayChange,
    Outcome,
    QuarantineChange,
    RegisterBody,
    SensorChange,
    SensorColumns,
    decode_body,
    decode_outcome,
    decode_readings,
    encode_body,
    encode_outcome,
    encode_readings,
)
from storage.hop_columns import HopColumns

text = st.text(st.characters(codec="utf-8"), max_size=12)
number = st.floats(allow_nan=False, allow_infinity=False)
whole = st.integers(-(2**63), 2**63 - 1)
maybe_number = st.none() | number
time_ns = whole


def made(record: type, **fields: Any) -> st.SearchStrategy[Any]:
    return st.builds(record, **fields)


reasons = st.lists(
    made(Reason, code=text, facts=st.dictionaries(text, text | number | whole, max_size=3)), max_size=2
).map(tuple)
assets = made(
    Asset,
    id=text,
    name=text,
    type=st.sampled_from(AssetType),
    lat=maybe_number,
    built_year=st.none() | whole,
    external_ids=st.dictionaries(text, text, max_size=3),
)
channels = made(
    Channel,
    asset=text,
    sensor=text,
    channel=text,
    unit=text,
    gateway=text,
    interval_s=number,
    role=st.sampled_from(Role),
    direction=st.sampled_from(Direction),
    failure_threshold=maybe_number,
    derived=st.booleans(),
)
works = made(Works, asset=text, kind=text, start_ns=time_ns, end_ns=time_ns, sensor=st.none() | text)
registers = made(
    Register,
    assets=st.lists(assets, max_size=2).map(tuple),
    channels=st.lists(channels, max_size=2).map(tuple),
    works=st.lists(works, max_size=2).map(tuple),
)
decisions = made(
    Decision,
    id=text,
    seq=whole,
    asset=text,
    verb=st.sampled_from(DecisionVerb),
    decided_by=text,
    reason=text,
    decided_at_ns=time_ns,
    condition=st.none() | whole,
)
assessments = made(
    RiskAssessment,
    assessment_id=text,
    asset=text,
    assessed_at_ns=time_ns,
    provisional=st.booleans(),
    state=st.sampled_from(RiskState),
    data_quality=st.sampled_from(DataQuality),
    probability_of_failure=st.lists(
        made(FailureProbability, horizon_days=whole, value=number, low=number, high=number), max_size=2
    ).map(tuple),
    remaining_life=st.none() | made(RemainingLife, q10_days=number, q50_days=number, q90_days=number),
    failure_mode=st.none() | text,
    health_index=maybe_number,
    indicative_condition=st.none() | whole,
    expected_cost_of_waiting_eur=maybe_number,
    advice=text,
    reasons=reasons,
    model_version=text,
)
outcomes = made(
    Outcome,
    hops=made(HopColumns, channel=st.binary(max_size=8), start_ns=st.binary(max_size=8)),
    assessments=st.lists(assessments, max_size=1),
    current=st.lists(assessments, max_size=1),
    alarms=st.lists(
        made(
            Alarm,
            id=text,
            asset=text,
            kind=text,
            raised_at_ns=time_ns,
            cleared_at_ns=st.none() | time_ns,
            state=st.sampled_from(AlarmState),
            reasons=reasons,
        ),
        max_size=1,
    ),
    alarm_changes=st.lists(made(AlarmChange, id=text, state=st.none() | st.sampled_from(AlarmState)), max_size=1),
    sensors=st.lists(
        made(
            SensorChange,
            channel=st.integers(-(2**31), 2**31 - 1),
            time_ns=time_ns,
            value=number,
            quality=st.sampled_from(DataQuality),
        ),
        max_size=3,
    ).map(SensorColumns.of),
    dead_letters=st.lists(
        made(
            DeadLetter,
            id=text,
            topic=text,
            gateway=text,
            code=text,
            reason=text,
            head=st.binary(max_size=8),
            received_at_ns=time_ns,
        ),
        max_size=1,
    ),
    quarantine=st.lists(
        made(
            QuarantineChange,
            gateway=text,
            asset=text,
            sensor=text,
            messages=whole,
            first_received_ns=time_ns,
            last_received_ns=time_ns,
            reason=text,
            example=text,
        ),
        max_size=1,
    ),
    gateways=st.lists(
        made(GatewayChange, gateway=text, state=text, session=st.none() | whole, since_ns=st.none(), received_ns=whole),
        max_size=1,
    ),
    register=st.none() | registers,
    register_numbers=st.lists(whole, max_size=2),
)
lengths = st.shared(st.integers(0, 9), key="length")


def column(dtype: str) -> st.SearchStrategy[Any]:
    return lengths.flatmap(lambda length: npst.arrays(dtype, length))


readings = st.builds(ReadingColumns, column("i4"), column("i8"), column("f8"), column("u1"))
bodies = st.one_of(
    readings.map(lambda columns: BatchBody(readings=encode_readings(columns))),
    made(ClosingBody, clock_ns=st.none() | time_ns, lateness_ns=whole, idle_ns=whole),
    made(RegisterBody, register=registers, at_ns=time_ns),
    made(DecisionBody, decision=decisions, alarm_kind=st.none() | text),
)


@pytest.mark.slow
@given(readings)
def test_readings_come_back_to_the_bit(columns: ReadingColumns) -> None:
    back = decode_readings(encode_readings(columns))
    for name in ("channel", "time_ns", "value", "flags"):
        written, read = getattr(columns, name), getattr(back, name)
        assert read.dtype == written.dtype
        assert read.tobytes() == written.tobytes()  # NaN and -0.0 too


@given(readings, st.data())
def test_readings_of_a_slice_need_not_lie_side_by_side(columns: ReadingColumns, data: st.DataObject) -> None:
    step = data.draw(st.integers(1, 3))
    back = decode_readings(encode_readings(columns.take(slice(None, None, step))))
    assert back.value.tobytes() == columns.value[::step].tobytes()


@settings(max_examples=80, deadline=None)
@given(bodies)
def test_bodies_come_back_as_they_were(body: EntryBody) -> None:
    assert decode_body(encode_body(body)) == body


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(outcomes)
def test_outcomes_come_back_as_they_were(outcome: Outcome) -> None:
    assert decode_outcome(encode_outcome(outcome)) == outcome


def test_what_sensors_sent_last_is_packed_without_loss() -> None:
    rows = [SensorChange(2**31 - 1, -(2**63), -0.0, DataQuality.NONE), SensorChange(0, 7, 1e300, DataQuality.HIGH)]
    assert SensorColumns.of(rows).rows() == rows
    assert str(SensorColumns.of(rows).rows()[0].value) == "-0.0"


def test_no_bytes_are_the_outcome_of_nothing() -> None:
    assert decode_outcome(b"") == Outcome()


@settings(max_examples=80, deadline=None)
@given(bodies, st.data())
def test_a_body_cut_short_is_told(body: EntryBody, data: st.DataObject) -> None:
    written = encode_body(body)
    cut = data.draw(st.integers(0, len(written) - 1))
    with pytest.raises(StorageCorrupt, match=f"journal entry of {cut} bytes cannot be read"):
        decode_body(written[:cut])


@given(st.binary(min_size=1, max_size=40))
def test_bytes_that_are_none_of_ours_raise_nothing_else(data: bytes) -> None:
    for decode in (decode_body, decode_outcome):
        with contextlib.suppress(StorageCorrupt):
            assert isinstance(decode(data), BatchBody | ClosingBody | RegisterBody | DecisionBody | Outcome)


def test_columns_are_little_endian_whatever_the_machine() -> None:
    packed = encode_readings(
        ReadingColumns(
            np.array([1], np.int32), np.array([2], np.int64), np.array([1.0], np.float64), np.array([3], np.uint8)
        )
    )
    assert packed.channel == b"\x01\0\0\0"
    assert packed.time_ns == b"\x02" + bytes(7)
    assert packed.value == bytes(6) + b"\xf0\x3f"
    assert packed.flags == b"\x03"
