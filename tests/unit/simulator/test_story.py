from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.errors import ConfigurationError
from ingest.register import read_register, read_works
from simulator.messages import day_messages
from simulator.owner_files import write_register
from simulator.scenario import Scenario
from simulator.scenario_file import load_scenario, parse_scenario
from simulator.sensor_faults import FAULT_STRENGTHS
from simulator.structures import KINDS, build_structure
from simulator.world import World

JUNE_NS = 1_717_200_000 * 10**9  # 2024-06-01


@pytest.fixture(scope="module")
def fleets() -> list[Scenario]:
    return [load_scenario("demanding", seed=seed) for seed in range(1, 7)]


def month(scenario: Scenario, day: float) -> int:
    return datetime.fromtimestamp(scenario.start_ns / 1e9 + day * 86_400, UTC).month


def test_the_demanding_fleet_has_sixty_assets_and_two_years_of_everything(fleets: list[Scenario]) -> None:
    for scenario in fleets:
        assert len(scenario.assets) == 60
        assert scenario.days == 730
        assert sum(asset.waveform_every_h == 12 for asset in scenario.assets) == 10
    kinds = Counter(event.kind for scenario in fleets for event in scenario.events)
    assert set(kinds) == {"diversion", "frost_spell", "heat_wave", "resurfacing", "sensor_swap", "storm", "works"}
    assert {event.announced for s in fleets for event in s.events if event.kind == "works"} == {True, False}
    # A range that ends too soon is drawn only where a file asks for it.
    assert {fault.kind for scenario in fleets for fault in scenario.sensor_faults} == set(FAULT_STRENGTHS) - {
        "clipping"
    }
    modes = {mode for kind in KINDS.values() for mode in kind.modes}
    assert {damage.mode for scenario in fleets for damage in scenario.damage} == modes


def test_slow_and_fast_damages_fail_inside_the_run_and_some_behind_it(fleets: list[Scenario]) -> None:
    lengths = [damage.failure_day - damage.onset_day for scenario in fleets for damage in scenario.damage]
    failures = [sum(damage.failure_day <= 730 for damage in scenario.damage) for scenario in fleets]
    assert 0.15 < sum(length <= 70 for length in lengths) / len(lengths) < 0.45
    assert all(25 <= length <= 70.1 or 149.9 <= length <= 450.1 for length in lengths)
    assert all(12 <= count <= 32 for count in failures), failures
    assert sum(failures) < len(lengths)


def test_another_seed_is_another_story_and_the_same_seed_the_same(fleets: list[Scenario]) -> None:
    assert load_scenario("demanding", seed=3) == fleets[2]
    assert fleets[0].damage != fleets[1].damage
    assert [asset.per_day for asset in fleets[0].assets] != [asset.per_day for asset in fleets[1].assets]


@pytest.mark.parametrize("start_ns", [None, JUNE_NS])
def test_weather_keeps_to_its_season_whatever_the_first_day(start_ns: int | None) -> None:
    allowed = {"storm": {9, 10, 11, 12, 1, 2, 3}, "heat_wave": {5, 6, 7, 8}, "frost_spell": {12, 1, 2}}
    scenarios = [load_scenario("demanding", seed=seed, start_ns=start_ns) for seed in range(5)]
    for kind, months in allowed.items():
        seen = {month(s, e.start_day) for s in scenarios for e in s.events if e.kind == kind}
        assert seen <= months
        assert len(seen) > 1


def test_two_faults_of_one_sensor_never_overlap(fleets: list[Scenario]) -> None:
    for scenario in fleets:
        last: dict[tuple[str, str], float] = {}
        for fault in sorted(scenario.sensor_faults, key=lambda fault: fault.start_day):
            key = (fault.asset, fault.sensor)
            assert fault.start_day > last.get(key, 0.0)
            last[key] = fault.start_day + fault.days


def test_what_is_drawn_can_be_written_into_a_file_by_hand(fleets: list[Scenario]) -> None:
    """Everything drawn keeps to the bounds of what a file may say."""
    scenario = fleets[0]
    assets = {asset.id: asset for asset in scenario.assets}
    for fault in scenario.sensor_faults:
        low, high = FAULT_STRENGTHS[fault.kind][1:]
        assert low <= fault.strength <= high
        assert fault.sensor in {s.id for s in build_structure(scenario.seed, assets[fault.asset]).sensors}
    for damage in scenario.damage:
        assert damage.component in KINDS[assets[damage.asset].kind].modes[damage.mode]
        assert damage.onset_day >= 60


def test_a_drawn_fleet_has_owner_files_that_our_import_reads(fleets: list[Scenario], tmp_path: Path) -> None:
    write_register(fleets[0], tmp_path)
    register = read_register([tmp_path / "assets.csv", tmp_path / "sensors.csv"])
    works = read_works(tmp_path / "works.csv", register)
    assert len(register.assets) == 60
    assert len(works) == sum(event.announced for event in fleets[0].events)
    assert {item.kind for item in works} == {"diversion", "resurfacing", "sensor swap", "works nearby"}


def test_a_drawn_fleet_publishes_a_day() -> None:
    messages = day_messages(World(load_scenario("demanding", seed=2)), 40)
    assert len({message.topic.split("/")[3] for message in messages}) == 59  # all but the one without a sensor


@pytest.mark.parametrize("days", [1, 5, 19, 20, 21])
@pytest.mark.parametrize(
    "story", ["", "[story]\ndamaged_share = 1\nstorms_per_year = 99\nfaults_per_sensor_year = 99\n"]
)
def test_a_scenario_may_be_as_short_as_a_day(days: int, story: str) -> None:
    """Less than 20 days ended in a fault of numpy, because faults of sensors are drawn from day 20 to the last."""
    text = f'name = "x"\nseed = 1\ndays = {days}\n[[assets]]\nid = "weg-1"\nkind = "road"\n{story}'
    scenario = parse_scenario(text)
    assert bool(scenario.sensor_faults) == (days > 20 and bool(story))
    assert all(20 <= fault.start_day <= days for fault in scenario.sensor_faults)
    assert len(day_messages(World(scenario), days - 1)) == 4


@pytest.mark.parametrize(
    ("table", "line", "words"),
    [
        ("[fleet]\nbridge = -1", 5, "'bridge'"),
        ("[fleet]\nbridge = 1\nwaveform_sensors = 2", 6, "from 0 to 1"),
        ("[fleet]\nroad = 1\n[story]\ndamaged_share = 1.5", 7, "from 0 to 1"),
        ("[fleet]\nroad = 1\n[story]\nslow_days = [40, 20]", 7, "the smaller first"),
        ("[fleet]\nroad = 1\n[story]\nfault_kinds = ['rust']", 7, "backfill, clipping, clock_step"),
        ("[fleet]\nroad = 1\n[story]\nstorms = 1", 7, "the key is unknown"),
        ("[fleet]\nroad = 1\n[[assets]]\nid = 'weg-001'\nkind = 'road'", 6, "another id"),
    ],
)
def test_a_mistake_in_what_is_to_be_drawn_is_named_with_its_line(table: str, line: int, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_scenario(f'name = "x"\nseed = 1\ndays = 9\n{table}\n', "mine.toml")
    assert str(caught.value).startswith(f"mine.toml:{line}: "), str(caught.value)
    assert words in str(caught.value)
