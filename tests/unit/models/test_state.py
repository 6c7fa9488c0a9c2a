from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from domain.errors import OtherModelVersion, ShapeError, StorageCorrupt
from domain.identifiers import ChannelKey
from domain.register import Register
from models.axes import AXES, axis_keys
from models.catalogue import HOUR_NS
from models.chain import step_hop
from models.compiling import compile_catalogue
from models.layout import COLUMNS, axis_of
from models.state import (
    MODEL_VERSION,
    ModelState,
    carry_state,
    channels_begun_anew,
    decode_state,
    encode_state,
    initial_state,
    put_state,
    state_digest,
    take_state,
)
from tests.unit.models.conftest import START_NS, hop, make_register

NAMES = ["natural_frequency_1", "natural_frequency_2", "vibration_rms", "temperature", "traffic_count"]


def shuffled(catalogue: Any, seed: int = 3) -> ModelState:
    """A state in which no two numbers are alike."""
    rng = np.random.default_rng(seed)
    state = initial_state(catalogue)
    return replace(
        state,
        **{name: drawn(rng, getattr(state, name)) for name in COLUMNS},
    )


def drawn(rng: np.random.Generator, column: Any) -> Any:
    """Fill a column with anything: numbers, or bytes of any length."""
    if column.dtype == np.object_:
        found = np.full(len(column), b"", np.object_)
        found[:] = [rng.bytes(int(length)) for length in rng.integers(0, 9, len(column))]
        return found
    return (rng.random(column.shape) * 1e6).astype(column.dtype)


def test_the_layout_lists_every_column_once() -> None:
    assert tuple(column.name for column in fields(ModelState)) == COLUMNS


def test_put_undoes_take_and_touches_no_other_row(registers: Callable[..., Any]) -> None:
    catalogue = compile_catalogue(*registers(NAMES, assets=4))
    state, target = shuffled(catalogue), shuffled(catalogue, 4)
    some, others = np.array([1, 3], np.int32), np.array([0, 2], np.int32)
    untouched = [getattr(take_state(catalogue, target, others), name).copy() for name in COLUMNS]
    put_state(catalogue, target, some, take_state(catalogue, state, some))
    for name, before in zip(COLUMNS, untouched, strict=True):
        assert np.array_equal(
            getattr(take_state(catalogue, target, some), name), getattr(take_state(catalogue, state, some), name)
        )
        assert np.array_equal(getattr(take_state(catalogue, target, others), name), before)


def test_a_part_of_other_assets_is_refused(registers: Callable[..., Any]) -> None:
    catalogue = compile_catalogue(*registers(NAMES, assets=4))
    state = initial_state(catalogue)
    with pytest.raises(ShapeError, match="take it from the same catalogue"):
        put_state(catalogue, state, np.array([0], np.int32), take_state(catalogue, state, np.array([0, 1], np.int32)))
    with pytest.raises(ShapeError, match="use the state's own catalogue"):
        take_state(catalogue.take(np.array([0], np.int32)), state, np.array([0], np.int32))


def test_carry_keeps_what_is_still_there(registers: Callable[..., Any]) -> None:
    register, numbers = registers(NAMES, assets=3)
    old = compile_catalogue(register, numbers)
    state = shuffled(old)
    smaller = Register(
        register.assets[1:],
        tuple(row for row in register.channels if (row.asset, row.channel) != ("b001", "natural_frequency_1")),
    )
    new = compile_catalogue(smaller, numbers)
    carried = carry_state(old, state, new)
    same = np.array([1], np.int32)
    for name in COLUMNS:
        kept = getattr(take_state(old, state, np.array([2], np.int32)), name)
        assert np.array_equal(getattr(take_state(new, carried, same), name), kept)
    assert carried.heard_ns[:4].tolist() == state.heard_ns[[6, 7, 8, 9]].tolist()
    back = carry_state(new, carried, old)
    assert back.started_ns[0] == 0
    assert back.noise[3] == 0.0
    assert back.noise[4] == state.noise[4]


def test_a_channel_in_another_unit_begins_anew_and_no_other(registers: Callable[..., Any]) -> None:
    register, numbers = registers(NAMES, assets=2)
    old = compile_catalogue(register, numbers)
    state = shuffled(old)
    key = ("b001", "natural_frequency_1")
    channels = tuple(replace(row, unit="kHz") if (row.asset, row.channel) == key else row for row in register.channels)
    new = compile_catalogue(replace(register, channels=channels), numbers)
    (number,) = channels_begun_anew(old, new)
    assert old.channels[old.channel_number.tolist().index(number)].channel == "natural_frequency_1"
    assert channels_begun_anew(old, old) == set()
    carried, fresh = carry_state(old, state, new), initial_state(new)
    kept = set()
    for name in COLUMNS:
        axis = axis_of(name)
        owners = [key[0] if axis in {"judged", "frequency"} else key for key in axis_keys(new, axis)]
        mine = np.array([axis != "pair" and owner == number for owner in owners], np.bool_)
        before, after, start = (getattr(item, name) for item in (state, carried, fresh))
        assert np.array_equal(after[~mine], before[~mine])
        if mine.any() and after[mine].tolist() == before[mine].tolist():
            kept.add(name)
        elif mine.any():
            assert repr(after[mine].tolist()) == repr(start[mine].tolist())
    assert {"heard_ns", "silent_ns", "gaps_ns"} <= kept
    assert not {"last_value", "recent", "good_value", "mistake_ns", "noise", "coefficients", "day_sums"} & kept


def named_as_clipped(start_run: Callable[..., Any]) -> tuple[Register, dict[ChannelKey, int], Any]:
    """A sensor of three channels, whose waveforms touched their limit, that left out a day, and then half a day."""
    sensors = dict.fromkeys(("kurtosis", "tilt", "vibration_rms"), "s-deck")
    register, numbers = make_register(list(sensors), sensors=sensors)
    run = start_run(list(sensors), sensors=sensors)
    for hour in range(120):
        valid = np.full(3, not 20 <= hour < 44 and not 80 <= hour < 92)
        features = hop(run.catalogue, np.full(3, 1.0 + hour % 7), valid, START_NS + hour * HOUR_NS)
        clipped = valid if hour > 100 else np.zeros(3, np.bool_)
        run.state, _, changes = step_hop(run.catalogue, run.state, replace(features, clipped=clipped))
        run.changes.extend(changes)
    assert "sensor.clipping" in run.kinds()
    return register, numbers, run


@pytest.mark.parametrize("gone", ["kurtosis", "tilt"])
def test_what_a_sensor_does_as_a_whole_goes_over_to_the_channel_that_is_its_first(
    start_run: Callable[..., Any], gone: str
) -> None:
    """A channel that came, or left, before all others of its sensor left the sensor's alarms open for ever."""
    register, numbers, run = named_as_clipped(start_run)
    fewer = replace(register, channels=tuple(row for row in register.channels if row.channel != gone))
    less = compile_catalogue(fewer, numbers)
    columns = ("clipping_ns", "spoken_ns", "sensor_lost_ns", "gap_share", "gap_count")
    whole = [getattr(run.state, name)[0] for name in columns]
    assert all(whole)
    left = carry_state(run.catalogue, run.state, less)
    assert [getattr(left, name).tolist() for name in columns] == [[number, 0] for number in whole]
    back = carry_state(less, left, run.catalogue)
    assert [getattr(back, name).tolist() for name in columns] == [[number, 0, 0] for number in whole]
    # A blob from before the change comes to the same.
    blobs = encode_state(less, left, np.array([0], np.int32))
    decode_state(run.catalogue, read := initial_state(run.catalogue), 0, blobs[0])
    assert state_digest(run.catalogue, read) == state_digest(run.catalogue, back)


def test_blobs_round_trip_into_any_catalogue(registers: Callable[..., Any]) -> None:
    catalogue = compile_catalogue(*registers(NAMES, assets=3))
    state = shuffled(catalogue)
    everyone = np.arange(3, dtype=np.int32)
    blobs = encode_state(catalogue, state, everyone)
    assert blobs == encode_state(catalogue, state, everyone)
    target = initial_state(catalogue)
    for asset, blob in enumerate(blobs):
        decode_state(catalogue, target, asset, blob)
    assert state_digest(catalogue, target) == state_digest(catalogue, state)
    part = catalogue.take(np.array([1], np.int32))
    assert encode_state(part, take_state(catalogue, state, np.array([1], np.int32)), np.array([0], np.int32)) == [
        blobs[1]
    ]


def test_channels_that_left_the_register_are_ignored_in_a_blob(registers: Callable[..., Any]) -> None:
    register, numbers = registers(NAMES)
    catalogue = compile_catalogue(register, numbers)
    state = shuffled(catalogue)
    fewer = compile_catalogue(Register(register.assets, register.channels[1:]), numbers)
    target = initial_state(fewer)
    decode_state(fewer, target, 0, encode_state(catalogue, state, np.array([0], np.int32))[0])
    expected = carry_state(catalogue, state, fewer)
    assert state_digest(fewer, target) == state_digest(fewer, expected)


def test_damaged_and_foreign_blobs_are_refused_and_change_nothing(registers: Callable[..., Any]) -> None:
    catalogue = compile_catalogue(*registers(NAMES))
    blob = encode_state(catalogue, shuffled(catalogue), np.array([0], np.int32))[0]
    target = initial_state(catalogue)
    before = state_digest(catalogue, target)
    for bad in (b"", blob[:11], blob[:-1], blob[:200] + bytes([blob[200] ^ 1]) + blob[201:], b"SCHX" + blob[4:]):
        with pytest.raises(StorageCorrupt, match="restore a backup"):
            decode_state(catalogue, target, 0, bad)
    assert state_digest(catalogue, target) == before


def test_state_of_another_model_version_is_refused_with_both_versions(
    registers: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = compile_catalogue(*registers(NAMES))
    blob = encode_state(catalogue, shuffled(catalogue), np.array([0], np.int32))[0]
    monkeypatch.setattr("models.state.MODEL_VERSION", "99.0")
    with pytest.raises(
        OtherModelVersion, match=rf"version '{MODEL_VERSION}', expected '99.0': start `schouw ingest`"
    ) as refused:
        decode_state(catalogue, initial_state(catalogue), 0, blob)
    assert (refused.value.found, refused.value.expected) == (MODEL_VERSION, "99.0")


def test_the_digest_sees_every_column(registers: Callable[..., Any]) -> None:
    catalogue = compile_catalogue(*registers(NAMES))
    state = shuffled(catalogue)
    digests = {state_digest(catalogue, state)}
    for name in COLUMNS:
        changed = getattr(state, name).copy()
        last = changed.reshape(-1)[-1:]
        if last.dtype == np.object_:
            last[0] += b"x"
        else:
            last[:] = ~last if last.dtype == np.bool_ else last + 1
        digests.add(state_digest(catalogue, replace(state, **{name: changed})))
    assert len(digests) == len(COLUMNS) + 1
    assert {axis_of(name) for name in COLUMNS} == set(AXES)
