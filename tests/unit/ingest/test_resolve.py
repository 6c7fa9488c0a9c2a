from __future__ import annotations

import random
from dataclasses import replace

import pytest

from domain.errors import PayloadError, ShapeError
from domain.register import Register
from ingest.resolve import Resolution, Resolver
from tests.unit.ingest.room import Room


def test_equal_units_in_other_spellings_share_one_place(room: Room) -> None:
    sensor = room.resolver.sensor("brug-042", "acc1")
    assert sensor is not None
    places = {sensor.index(("temperature", "", unit)) for unit in ("Cel", "°C", " degC ", "C")}
    assert len(places) == 1
    assert room.resolver.conversions().number.tolist() == [room.number("acc1", "temperature")]


def test_columns_grow_with_what_is_found(room: Room) -> None:
    assert room.resolver.resolve("brug-042", "acc1", ("humidity", "", "1")) == Resolution(
        room.number("acc1", "humidity"), 100.0, 0.0
    )
    room.resolver.resolve("brug-042", "acc1", ("temperature", "", "degF"))
    columns = room.resolver.conversions()
    assert columns.factor.tolist() == [100.0, 5 / 9]
    assert room.resolver.key(1).channel == "temperature"


def test_what_is_remembered_is_bounded_however_a_sender_spells(room: Room) -> None:
    sensor = room.resolver.sensor("brug-042", "acc1")
    assert sensor is not None
    for blanks in range(2000):
        sensor.index(("temperature", "", " " * blanks + "Cel"))
    assert len(sensor.known) <= 512
    assert len(room.resolver.conversions().number) == 1


def test_an_unknown_sensor_is_told_apart_from_an_unknown_asset(room: Room) -> None:
    assert room.resolver.sensor("brug-042", "nope") is None
    with pytest.raises(PayloadError, match="sensor 'nope' of asset 'brug-042'"):
        room.resolver.resolve("brug-042", "nope", ("temperature", "", "Cel"))
    with pytest.raises(PayloadError, match="asset 'nope' is not in the register"):
        room.resolver.resolve("nope", "acc1", ("temperature", "", "Cel"))


def test_a_long_list_of_channels_is_shortened(room: Room) -> None:
    base = next(channel for channel in room.register.channels if channel.channel == "temperature")
    channels = [replace(base, channel=type(base.channel)(f"strain.{number:02d}")) for number in range(40)]
    resolver = Resolver(Register(channels=tuple(channels)), {channel.key: 1 for channel in channels})
    with pytest.raises(PayloadError, match="and 28 more") as caught:
        resolver.resolve("brug-042", "acc1", ("x" * 5000, "", "Cel"))
    assert len(caught.value.reason) < 500


def test_a_channel_without_a_number_is_our_fault(room: Room) -> None:
    with pytest.raises(ShapeError, match="has no number"):
        Resolver(room.register, {})


def test_features_are_scaled_into_the_units_that_the_register_gives_each(room: Room) -> None:
    channels = tuple(
        replace(channel, unit="g") if channel.channel == "vibration_peak.z" else channel
        for channel in room.register.channels
    )
    sensor = Resolver(Register(channels=channels), room.numbers).sensor("brug-042", "raw1")
    assert sensor is not None
    slot = sensor.slot("z")
    assert slot.unit == "m/s2"
    assert slot.factors == pytest.approx((1.0, 1 / 9.80665, 1.0, 1.0, 1.0))


def test_channels_that_cannot_come_from_one_waveform_are_said_to_disagree(room: Room) -> None:
    channels = tuple(
        replace(channel, unit="mm/s") if channel.channel == "vibration_peak.z" else channel
        for channel in room.register.channels
    )
    sensor = Resolver(Register(channels=channels), room.numbers).sensor("brug-042", "raw1")
    assert sensor is not None
    with pytest.raises(PayloadError, match=r"channels computed from 'waveform\.z' disagree"):
        sensor.slot("z")


def test_channels_are_found_in_whatever_order_the_register_has_them(room: Room) -> None:
    shuffled = list(room.register.channels)
    random.Random(5).shuffle(shuffled)
    resolver = Resolver(Register(channels=tuple(shuffled)), room.numbers)
    plain = [channel for channel in shuffled if not channel.derived]
    assert plain
    for channel in plain:
        quantity, _, axis = channel.channel.partition(".")
        found = resolver.resolve(channel.asset, channel.sensor, (quantity, axis, channel.unit))
        assert found == Resolution(room.numbers[channel.key], 1.0, 0.0)
    with pytest.raises(PayloadError, match="is not registered"):
        resolver.resolve(plain[0].asset, plain[0].sensor, ("zzz", "", "Cel"))
