"""Alarms that are told as one: an event that strikes many structures, and the channels of one instrument."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from domain.identifiers import AssetId
from domain.records import Alarm, AlarmState
from domain.register import Register
from storage.entries import AlarmChange, Outcome
from storage.journal import Entry
from tests.conformance.operational import EMPTY, HOUR_NS, Store, make_asset, make_register


def struck(number: int, raised_ns: int, *, kind: str = "data.silent") -> Alarm:
    """Give an alarm of the asset `brug-<number>`."""
    name = f"brug-{number}.{kind}.{raised_ns}"
    return Alarm(name, AssetId(f"brug-{number}"), kind, raised_ns, None, AlarmState.OPEN)


def events(store: Store) -> dict[str, list[tuple[str, bool]]]:
    """Give the assets of each event in the order of raising, and whether another alarm spoke for them."""
    found: dict[str, list[tuple[str, bool]]] = {}
    for item in reversed(store.reader.alarms(limit=5000)):
        if item.event_id:
            found.setdefault(item.event_id, []).append((item.asset, item.is_echo))
    return found


def test_what_strikes_many_structures_within_hours_is_one_event(store: Store) -> None:
    """Two were told by themselves before it showed; what comes with the others and after them is their echo."""
    start = 1000 * HOUR_NS
    store.project(
        make_register(*(f"brug-{n}" for n in range(12))), Outcome(alarms=[struck(0, start), struck(1, start + 1)])
    )
    assert events(store) == {}
    store.project(Outcome(alarms=[struck(n, start + HOUR_NS) for n in (2, 3, 4)]))
    name = f"brug-0.data.silent.{start}"
    echoes = [(f"brug-{n}", n > 1) for n in range(5)]
    assert events(store) == {name: echoes}
    assert {item.revision for item in store.reader.alarms()} == {3}
    late, other = struck(5, start + 7 * HOUR_NS), struck(6, start + HOUR_NS, kind="sensor.noisy")
    store.project(Outcome(alarms=[late, struck(7, start + 14 * HOUR_NS), other]))
    assert events(store) == {name: [*echoes, ("brug-5", True)]}
    assert [item.asset for item in store.reader.alarms(event=name)] == [f"brug-{n}" for n in (5, 4, 3, 2, 1, 0)]
    assert {item.revision for item in store.reader.alarms(event=name)} == {3, 4}


def test_a_storm_is_one_event_whatever_it_did(store: Store) -> None:
    day = 24 * HOUR_NS
    kinds = ["condition.scour", "condition.stiffness_loss", "condition.wall_movement", "condition.scour"]
    alarms = [struck(n, (100 + n % 2) * day, kind=kind) for n, kind in enumerate(kinds)]
    store.project(make_register(*(f"brug-{n}" for n in range(4))), Outcome(alarms=alarms))
    assert [len(members) for members in events(store).values()] == [4]


@pytest.mark.parametrize("again", [1, 2])
def test_an_event_is_the_same_when_its_entries_are_written_again(store: Store, again: int) -> None:
    start = 1000 * HOUR_NS
    entries = [
        Entry(1, "register", EMPTY, make_register(*(f"brug-{n}" for n in range(9)))),
        Entry(2, "batch", EMPTY, Outcome(alarms=[struck(n, start + n) for n in range(3)])),
        Entry(3, "batch", EMPTY, Outcome(alarms=[struck(n, start + n) for n in range(3, 6)])),
        Entry(4, "batch", EMPTY, Outcome(alarms=[struck(n, start + n) for n in range(6, 9)])),
    ]
    store.writer.project(entries)
    before = events(store)
    store.writer.project(entries[-again:])
    assert events(store) == before
    assert [len(members) for members in before.values()] == [9]


@pytest.mark.slow
def test_many_sensors_of_few_structures_and_the_usual_number_are_no_event(store: Store) -> None:
    start = 10_000 * HOUR_NS
    names = [f"brug-{n}" for n in range(40)]
    one_asset = [struck(0, start + n) for n in range(20)]
    store.project(make_register(*names), Outcome(alarms=one_asset))
    assert events(store) == {}
    # Ninety days with an alarm of this kind every hour: six within six hours are usual, twenty-five are not.
    usual = [struck(n % 40, start + n * HOUR_NS, kind="sensor.noisy") for n in range(90 * 24)]
    for first in range(0, len(usual), 200):
        store.project(Outcome(alarms=usual[first : first + 200]))
    last = start + 90 * 24 * HOUR_NS
    early = {name for name in events(store) if int(name.rpartition(".")[2]) > start + 30 * 24 * HOUR_NS}
    assert early == set()
    store.project(Outcome(alarms=[struck(n, last + n, kind="sensor.noisy") for n in range(25)]))
    assert any(int(name.rpartition(".")[2]) > last - 7 * HOUR_NS for name in events(store))


def test_organisations_have_events_of_their_own(store: Store) -> None:
    names = [f"brug-{n}" for n in range(6)]
    assets = tuple(replace(make_asset(name), organisation="oost" if n < 3 else "west") for n, name in enumerate(names))
    start = 1000 * HOUR_NS
    store.project(
        Outcome(register=Register(assets, ()), register_numbers=[]),
        Outcome(alarms=[struck(n, start + n) for n in range(6)]),
    )
    assert events(store) == {}


def about(subject: str, raised_ns: int, *, kind: str = "sensor.stuck", asset: str = "brug-1") -> Alarm:
    """Give an alarm about a channel, or about a sensor."""
    name = f"{asset}.{kind}.{subject}.{raised_ns}"
    return Alarm(name, AssetId(asset), kind, raised_ns, None, AlarmState.OPEN, subject)


def spoken(store: Store) -> dict[str, bool]:
    """Give for each alarm, by what it is about and oldest first, whether another spoke for it."""
    return {item.subject: item.is_echo for item in reversed(store.reader.alarms(limit=100))}


def test_channels_of_one_instrument_with_one_fault_speak_once(store: Store) -> None:
    """Others of its sensor are no echo where the kind, the sensor or the asset differs, or where nothing stood."""
    store.project(
        make_register("brug-1", "brug-2"),
        Outcome(alarms=[about("gnd1/base_moisture", 10), about("gnd1/base_temperature", 10), about("gnd2/x", 10)]),
        Outcome(
            alarms=[
                about("gnd1/rut", 20),
                about("gnd1", 20, kind="data.silent"),
                about("gnd1/y", 20, asset="brug-2"),
                about("gnd1/tilt", 20, kind="condition.scour"),
                about("gnd1/strain", 20, kind="condition.scour"),
            ]
        ),
        Outcome(alarm_changes=[AlarmChange(id=about("gnd2/x", 10).id, cleared_at_ns=25)]),
        Outcome(alarms=[about("gnd2/z", 30), about("gnd1/kurtosis", 20, kind="data.silent")]),
    )
    assert spoken(store) == {
        "gnd1/base_moisture": False,
        "gnd1/base_temperature": True,
        "gnd2/x": False,
        "gnd1": False,
        "gnd1/kurtosis": True,
        "gnd1/rut": True,
        "gnd1/y": False,
        "gnd1/tilt": False,
        "gnd1/strain": False,
        "gnd2/z": False,
    }


@pytest.mark.parametrize("again", [1, 2, 3])
@pytest.mark.parametrize(
    "ends",
    [
        AlarmChange(id="", cleared_at_ns=30),
        AlarmChange(id="", state=AlarmState.DISMISSED),
        AlarmChange(id="", cleared_at_ns=30, state=AlarmState.CONFIRMED),
    ],
)
def test_an_echo_speaks_when_nothing_else_stands_of_its_instrument(store: Store, ends: AlarmChange, again: int) -> None:
    """Its revision is that of the entry that ended the other, whatever is written again."""
    first, second, third = (about(f"gnd1/{name}", 10 + n) for n, name in enumerate("abc"))
    entries = [
        Entry(1, "register", EMPTY, make_register("brug-1")),
        Entry(2, "batch", EMPTY, Outcome(alarms=[first, second])),
        Entry(3, "batch", EMPTY, Outcome(alarms=[third])),
        Entry(4, "batch", EMPTY, Outcome(alarm_changes=[msgspec.structs.replace(ends, id=first.id)])),
    ]
    store.writer.project(entries)
    for _ in range(2):
        assert spoken(store) == {"gnd1/a": False, "gnd1/b": False, "gnd1/c": True}
        assert [item.revision for item in store.reader.alarms() if item.subject == "gnd1/b"] == [4]
        store.writer.project(entries[-again:])
    store.project(Outcome(alarm_changes=[AlarmChange(id=third.id, cleared_at_ns=40)]))
    assert spoken(store) == {"gnd1/a": False, "gnd1/b": False, "gnd1/c": True}


def test_an_alarm_is_no_echo_of_one_that_was_dismissed_and_none_speaks_while_another_does(store: Store) -> None:
    first, second, third = (about(f"gnd1/{name}", 10 + n) for n, name in enumerate("abc"))
    dismissed = AlarmChange(id=first.id, state=AlarmState.DISMISSED)
    store.project(make_register("brug-1"), Outcome(alarms=[first]), Outcome(alarm_changes=[dismissed]))
    store.project(Outcome(alarms=[second, third]))
    assert spoken(store) == {"gnd1/a": False, "gnd1/b": False, "gnd1/c": True}
    store.project(Outcome(alarm_changes=[AlarmChange(id=third.id, state=AlarmState.ACKNOWLEDGED)]))
    assert [item.revision for item in store.reader.alarms(limit=100)] == [5, 4, 3], "no other is told again"


def test_an_echo_of_an_event_stays_one_whatever_a_person_says_of_it(store: Store) -> None:
    alarms = [about("s1/a", 10 + n, asset=f"brug-{n}") for n in range(5)]
    store.project(make_register(*(f"brug-{n}" for n in range(5))), Outcome(alarms=alarms))
    store.project(Outcome(alarm_changes=[AlarmChange(id=alarms[3].id, state=AlarmState.ACKNOWLEDGED)]))
    assert events(store) == {alarms[0].id: [(f"brug-{n}", n > 0) for n in range(5)]}
