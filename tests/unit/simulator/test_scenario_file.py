from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from domain.errors import ConfigurationError
from domain.register import AssetType
from simulator.history_file import write_history
from simulator.owner_files import write_register, write_truth
from simulator.scenario import DAY_NS, Event, Scenario, fingerprint, start_at
from simulator.scenario_file import bundled_scenarios, load_scenario, parse_scenario
from simulator.structures import KINDS, build_structure
from simulator.world import World

SOUND = """\
name = "test"
seed = 1
days = 30
start = 2025-03-01

[transport]
garbage_rate = 0.01

[[assets]]
id = "brug-1"
kind = "bridge"

[[assets]]
id = "weg-1"
kind = "road"

[[damage]]
asset = "brug-1"
mode = "loosening"
onset_day = 3
failure_day = 40

[[events]]
kind = "storm"
start_day = 2
days = 1

[[sensor_faults]]
kind = "dropout"
asset = "weg-1"
sensor = "gnd1"
start_day = 4
days = 40
"""


def test_a_scenario_is_read_with_defaults_of_its_kinds() -> None:
    scenario = parse_scenario(SOUND)
    assert [asset.id for asset in scenario.assets] == ["brug-1", "weg-1"]
    assert scenario.assets[0].per_day == KINDS["bridge"].per_day
    assert scenario.damage[0].component == "joint"
    assert scenario.end_ns - scenario.start_ns == 30 * DAY_NS
    assert scenario.transport.garbage_rate == 0.01


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (("seed = 1", "sead = 1"), 1, ["'seed'", "missing"]),
        (("seed = 1\ndays", 'seed = 1\ncolour = "red"\ndays'), 3, ["'colour'", "unknown", "expected one of", "seed"]),
        (("[transport]", "[transprot]"), 6, ["'transprot'", "one of assets, damage, days, events, fleet, name"]),
        (("garbage_rate = 0.01", "garbage_rate = 1.7"), 7, ["garbage_rate", "1.7", "from 0 to 0.5", "[transport]"]),
        (("garbage_rate = 0.01", "garbage = 0.01"), 7, ["'garbage'", "duplicate_rate", "garbage_rate"]),
        (("garbage_rate = 0.01", "garbage_rate = nan"), 7, ["garbage_rate", "nan"]),
        (('kind = "road"', 'kind = "rood"'), 15, ["'rood'", "movable_bridge", "[[assets]]"]),
        (('id = "weg-1"', 'id = "brug-1"'), 14, ["'brug-1'", "twice"]),
        (('id = "weg-1"', 'id = "weg 1"'), 14, ["'weg 1'", "[A-Za-z0-9_-]"]),
        (('asset = "brug-1"\nmode', 'asset = "brug-9"\nmode'), 18, ["'brug-9'", "brug-1, weg-1", "[[damage]]"]),
        (('mode = "loosening"', 'mode = "rot"'), 19, ["'rot'", "loosening, scour, stiffness_loss"]),
        (("failure_day = 40", "failure_day = 3"), 21, ["failure_day", "after onset_day 3"]),
        (("start_day = 2\ndays = 1", "start_day = 2\ndays = -1"), 26, ["'days'", "-1", "[[events]]"]),
        (("start_day = 2\ndays = 1", "start_day = 2\ndays = 0"), 26, ["'days'", "above 0"]),
        (('sensor = "gnd1"', 'sensor = "acc9"'), 31, ["'acc9'", "acc1, gnd1, lus1, wis1"]),
        (('kind = "dropout"', 'kind = "magic"'), 29, ["'magic'", "noise, spikes, stuck_sensor"]),
        (("start = 2025-03-01", 'start = "March"'), 4, ["'start'", "a date such as"]),
        (("start = 2025-03-01", "start = 1969-12-31"), 4, ["1969-12-31", "a year from 1970 to 2099"]),
        (("start = 2025-03-01", "start = 9999-12-31"), 4, ["9999-12-31", "a year from 1970 to 2099"]),
        (("days = 30", "days = 30.5"), 3, ["'days'", "whole number"]),
        (('kind = "road"', 'kind = "road"\nwaveform_every_h = 6'), 16, ["waveform_every_h", "bridge"]),
        (('kind = "storm"', 'kind = "storm"\nannounced = true'), 25, ["announced", "weather"]),
        (('kind = "road"', 'kind = "road"\ntilt_meter = true'), 16, ["tilt_meter", "movable_bridge"]),
        (('kind = "dropout"', 'kind = "backfill"'), 33, ["'days'", "at most 31"]),
        (('kind = "dropout"', 'kind = "dropout"\nstrength = 2'), 30, ["'strength'", "from 0 to 0"]),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_file_line_and_what_is_allowed(
    change: tuple[str, str], line: int, words: list[str]
) -> None:
    assert change[0] in SOUND
    with pytest.raises(ConfigurationError) as caught:
        parse_scenario(SOUND.replace(*change), "mine.toml")
    message = str(caught.value)
    assert message.startswith(f"mine.toml:{line}: "), message
    for word in words:
        assert word in message


def one_asset(kind: str, event: str) -> str:
    waveforms = "waveform_every_h = 12\n" if KINDS[kind].waveforms else ""
    tilt = "tilt_meter = true\n" if KINDS[kind].tilts else ""
    asset = f'[[assets]]\nid = "a"\nkind = "{kind}"\n{waveforms}{tilt}'
    return f'name = "x"\nseed = 1\ndays = 16\n{asset}[[events]]\nasset = "a"\nstart_day = 2\ndays = 4\n{event}\n'


def shows(scenario: Scenario) -> bool:
    """Tell whether the events of a scenario move a reading."""
    worlds = (World(scenario), World(replace(scenario, events=())))
    eventful, plain = (world.measured(0, 0) for world in worlds)
    return not np.array_equal(eventful, plain, equal_nan=True)


@pytest.mark.parametrize("event", ["diversion", "resurfacing", "works"])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_event_that_no_reading_of_the_asset_shows_is_refused(kind: str, event: str) -> None:
    """They stood in events.csv and works.csv, and nothing had happened."""
    text = one_asset(kind, f'kind = "{event}"')
    if KINDS[kind].feels_traffic:
        assert shows(parse_scenario(text))
        return
    storm = parse_scenario(text.replace(f'"{event}"', '"storm"').replace('asset = "a"\n', ""))
    assert not shows(replace(storm, events=(Event(event, 2.0, 4.0, 1.0, "a"),)))
    message = (
        rf"'asset' in \[\[events\]\]: 'a' is a {kind}, whose readings show no {event}; expected one of kind bridge, "
    )
    with pytest.raises(ConfigurationError, match=message):
        parse_scenario(text)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_swap_that_no_reading_of_the_sensor_shows_is_refused(kind: str) -> None:
    """A swapped accelerometer of waveforms, thermometer or counter read on as if nothing had happened."""
    plain = parse_scenario(one_asset(kind, 'kind = "storm"').replace('asset = "a"\n', ""))
    for sensor in build_structure(plain.seed, plain.assets[0]).sensors:
        text = one_asset(kind, f'kind = "sensor_swap"\nstrength = 1.5\nsensor = "{sensor.id}"')
        if shows(replace(plain, events=(Event("sensor_swap", 2.0, 4.0, 1.5, "a", sensor.id),))):
            assert shows(parse_scenario(text))
            continue
        with pytest.raises(ConfigurationError, match=f"'sensor' .*got '{sensor.id}', which reads the same when it is"):
            parse_scenario(text)


def test_a_refused_swap_names_what_can_be_swapped() -> None:
    with pytest.raises(ConfigurationError, match=r"scenario\.toml:14: .*expected one of acc1, tlt1; correct"):
        parse_scenario(one_asset("bridge", 'kind = "sensor_swap"\nsensor = "acc2"'))
    with pytest.raises(ConfigurationError, match="expected a sensor of another asset; correct"):
        parse_scenario(one_asset("weather_mast", 'kind = "sensor_swap"\nsensor = "knm1"'))


def test_broken_toml_and_a_missing_file_are_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"mine\.toml: not TOML: .*line 1"):
        parse_scenario("name = oops\nseed = 1\n", "mine.toml")
    with pytest.raises(ConfigurationError, match="municipality, small"):
        load_scenario(tmp_path / "none.toml")


def test_a_scenario_without_assets_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least one"):
        parse_scenario('name = "x"\nseed = 1\ndays = 2\n')


def test_a_file_of_ones_own_is_read_by_path(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(SOUND, encoding="utf-8")
    assert load_scenario(tmp_path / "own.toml") == parse_scenario(SOUND)
    (tmp_path / "own.toml").write_text(f"\ufeff{SOUND}", encoding="utf-8")
    assert load_scenario(tmp_path / "own.toml") == parse_scenario(SOUND), "with a byte-order mark"


def test_the_bundled_municipality_is_the_demo_that_was_promised() -> None:
    assert bundled_scenarios() == ("demanding", "municipality", "small")
    scenario = load_scenario("municipality")
    kinds = [KINDS[asset.kind].type for asset in scenario.assets]
    assert (len(kinds), scenario.days) == (40, 365)
    assert kinds.count(AssetType.BRIDGE) == 16
    assert kinds.count(AssetType.ROAD) == 12
    assert kinds.count(AssetType.LOCK) == 6
    assert kinds.count(AssetType.TUNNEL) == 1
    assert [asset.kind for asset in scenario.assets].count("unmonitored") == 1
    assert len({damage.asset for damage in scenario.damage}) == 6
    assert len(scenario.sensor_faults) == 2


def test_the_fingerprint_forgets_the_first_day_and_nothing_else() -> None:
    scenario = parse_scenario(SOUND)
    assert fingerprint(scenario) == fingerprint(start_at(scenario, 0))
    assert fingerprint(scenario) != fingerprint(parse_scenario(SOUND.replace("seed = 1", "seed = 2")))


@pytest.mark.parametrize("start_ns", [-1, 47_482 * DAY_NS, 10**30])
def test_a_first_day_that_no_reading_could_have_is_refused(start_ns: int) -> None:
    with pytest.raises(ConfigurationError, match="expected one in a year from 1970 to 2099; give another"):
        start_at(parse_scenario(SOUND), start_ns)
    with pytest.raises(ConfigurationError, match="expected one in a year from 1970 to 2099; give another"):
        parse_scenario(SOUND, start_ns=start_ns)


@pytest.mark.parametrize("start", ["1970-01-01", "2099-12-31"])
def test_the_first_and_the_last_year_hold_a_century(start: str, tmp_path: Path) -> None:
    """With faults of the clock and failures far behind the end."""
    text = (
        SOUND.replace("2025-03-01", start)
        .replace("days = 30", "days = 36525")
        .replace("= 40\n\n[[ev", "= 36525\n\n[[ev")
    )
    fault = text.index('kind = "dropout"')
    scenario = parse_scenario(text[:fault] + text[fault:].replace('"dropout"', '"clock_step"\nstrength = 100000'))
    write_register(scenario, tmp_path)
    write_truth(scenario, tmp_path)
    short = replace(scenario, start_ns=scenario.end_ns - 5 * DAY_NS, days=5)
    assert write_history(short, tmp_path / "x.parquet") > 1000
