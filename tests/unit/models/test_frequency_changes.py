"""Natural frequencies from day to day: a small step is stated, moves nothing, and is forgotten with the reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from domain.arrays import FeatureTable, FloatArray
from domain.errors import ShapeError, StorageCorrupt
from domain.identifiers import AssetId
from domain.records import DecisionVerb, Reason, RiskAssessment
from domain.register import Works
from models.catalogue import HOUR_NS, Catalogue
from models.chain import apply_decision, assess, risk_records, step_fleet, step_hop
from models.compiling import compile_catalogue
from models.fleet_memory import FleetMemory
from models.frequency_changes import CHANGE_CODES, begin_anew
from models.state import decode_state, encode_state, initial_state, state_digest
from models.stream_detector import StreamDetector, step_together
from models.stream_memory import decode_detector, encode_detector
from service.evaluation.bridge_record import BridgeRecord, make_bridge_record
from tests.lengths import either
from tests.unit.models.conftest import make_register

DAY_NS = 24 * HOUR_NS
START_NS = 472_224 * HOUR_NS - 472_224 % 24 * HOUR_NS
NAMES = ["natural_frequency_1", "temperature", "vibration_rms"]
STEP_DAY = 150
DAYS = 175
STEADY = np.full(DAYS, 80.0)


def bridge(seed: int = 11, *, step: float = 0.003, gaps: bool = False) -> BridgeRecord:
    days = {"earliest_step_day": STEP_DAY, "latest_step_day": STEP_DAY + 1, "days": DAYS}
    return make_bridge_record(np.random.default_rng(seed), noise=0.0008, step=step, has_gaps=gaps, **days)


class Site:
    """One bridge that says its frequency and the warmth around it once a day."""

    def __init__(self, registers: Callable[..., Any], names: list[str] = NAMES, works: tuple[Works, ...] = ()) -> None:
        register, numbers = registers(names, works=works)
        daily = tuple(replace(channel, interval_s=86400.0) for channel in register.channels)
        self.catalogue: Catalogue = compile_catalogue(replace(register, channels=daily), numbers)
        self.state = initial_state(self.catalogue)
        self.memory = FleetMemory()
        self.alarms: list[str] = []
        self.day = 0

    def live(
        self,
        record: BridgeRecord,
        *,
        until: int = DAYS,
        held: range = range(0),
        humidity: FloatArray = STEADY,
    ) -> Site:
        of = {
            "natural_frequency_1": record.natural_frequency_hz,
            "temperature": record.temperature_degc,
            "humidity": humidity,
        }
        columns = [
            of.get(key.channel, np.full(DAYS, 1.0) + np.arange(DAYS) % 7 / 100) for key in self.catalogue.channels
        ]
        for day in range(self.day, until):
            value = np.array([column[held.start if day in held else day] for column in columns])
            valid = np.isfinite(value)
            start_ns = np.array([START_NS + (day + 1) * DAY_NS - HOUR_NS])
            hop = FeatureTable.of_single(start_ns, self.catalogue.hop_ns, value, valid)
            self.state, _, changes = step_hop(self.catalogue, self.state, hop)
            self.state, raised = step_fleet(self.catalogue, self.state, self.memory, START_NS + (day + 1) * DAY_NS)
            self.alarms += [change.kind for change in [*changes, *raised]]
            self.day = day + 1
        return self

    def branch(self) -> Site:
        """Give a site that has lived the same so far; what either lives from here on, the other does not know."""
        other = Site.__new__(Site)
        other.catalogue, other.state, other.day = self.catalogue, self.state, self.day
        other.memory, other.alarms = FleetMemory.decode(self.memory.encode()), list(self.alarms)
        return other

    def said(self) -> RiskAssessment:
        columns = assess(self.catalogue, self.state, self.state.stepped_ns)
        return risk_records(self.catalogue, columns, np.array([0], np.int32), provisional=False)[0]

    def reasons(self) -> list[Reason]:
        return [reason for reason in self.said().reasons if reason.code in CHANGE_CODES]


@pytest.fixture(scope="module")
def hundred_and_thirty_days() -> Site:
    return Site(make_register).live(bridge(), until=130)


@pytest.fixture(scope="module")
def before(hundred_and_thirty_days: Site) -> Site:
    """The bridge on the eve of its step, which is the same whatever the step is."""
    return hundred_and_thirty_days.branch().live(bridge(), until=STEP_DAY)


@pytest.fixture(scope="module")
def stepped(before: Site) -> Site:
    return before.branch().live(bridge())


def test_a_step_of_a_third_of_a_percent_is_stated_with_its_day_and_size(stepped: Site) -> None:
    (reason,) = stepped.reasons()
    assert reason.code == "frequency_changed"
    percent, band, severity = (float(reason.facts[name]) for name in ("percent", "band", "severity"))
    assert abs(percent + 0.3) < band < 0.2
    assert severity == pytest.approx(-percent / 100 / 0.105, rel=0.05)
    since = int((np.datetime64(str(reason.facts["since"])) - np.datetime64(START_NS, "ns").astype("M8[D]")).astype(int))
    assert STEP_DAY <= since <= STEP_DAY + 6


def test_the_statement_is_no_alarm_and_moves_no_number(stepped: Site) -> None:
    said = stepped.said()
    assert said.advice == "look_at_inspection"
    assert not any(kind.startswith("condition") for kind in stepped.alarms)
    silent = stepped.branch()
    silent.state = begin_anew(stepped.catalogue, stepped.state, 0)
    other = silent.said()
    assert other.advice == "none"
    assert said.probability_of_failure == other.probability_of_failure
    assert (said.state, said.health_index, said.remaining_life) == (
        other.state,
        other.health_index,
        other.remaining_life,
    )
    assert said.basis is not None
    assert other.basis == replace(said.basis, changes=())


def test_a_bridge_without_a_step_is_stated_nothing_of(before: Site) -> None:
    assert before.branch().live(bridge(step=0.0)).reasons() == []


def test_a_frequency_that_rises_is_no_damage(before: Site) -> None:
    site = before.branch().live(bridge(step=-0.01))
    assert float(site.state.change[0]) > 0.008
    assert site.reasons() == []


@pytest.mark.slow
def test_without_a_temperature_nothing_is_stated(registers: Callable[..., Any]) -> None:
    site = Site(registers, ["natural_frequency_1", "vibration_rms"]).live(bridge(step=0.01))
    assert site.reasons() == []
    assert site.state.change_memory.tolist() == [b""]


def test_channels_that_are_no_frequency_pay_nothing(registers: Callable[..., Any]) -> None:
    site = Site(registers, ["vibration_rms", "temperature", "dominant_frequency"])
    assert len(site.catalogue.frequency) == len(site.state.change_memory) == len(site.state.day_sums) == 0


@pytest.mark.parametrize("verb", [DecisionVerb.ACCEPT_NORMAL, DecisionVerb.REPAIR])
def test_a_new_normal_is_learnt_from_the_beginning(stepped: Site, verb: DecisionVerb) -> None:
    state, _ = apply_decision(stepped.catalogue, stepped.state, 0, verb, int(stepped.state.stepped_ns[0]), None)
    assert state.change_memory.tolist() == [b""]
    assert (int(state.change_ns[0]), float(state.day_sums.sum())) == (0, 0.0)
    assert np.isnan(state.change[0])


@pytest.mark.slow
def test_works_that_move_the_reference_begin_anew(registers: Callable[..., Any]) -> None:
    day_ns = START_NS + 120 * DAY_NS
    works = (Works(AssetId("b000"), "resurfacing", day_ns, day_ns + 2 * DAY_NS),)
    site = Site(registers, works=works).live(bridge(step=0.01), until=121)
    assert site.state.change_memory.tolist() == [b""]
    site.live(bridge(step=0.01))
    assert decode_detector(site.state.change_memory[0]).rows == DAYS - 122
    assert site.reasons() == []


def test_held_values_are_not_taken_for_a_change(hundred_and_thirty_days: Site) -> None:
    """A frozen sensor is in trouble; while its values stand still they are no evidence."""
    site = hundred_and_thirty_days.branch().live(bridge(step=0.0), held=range(130, DAYS))
    assert "sensor.stuck" in site.alarms
    assert site.reasons() == []


@pytest.mark.slow
@pytest.mark.parametrize("names", [NAMES, pytest.param([*NAMES, "humidity"], marks=pytest.mark.slow)])
def test_saved_state_goes_on_with_the_same_bits(registers: Callable[..., Any], names: list[str]) -> None:
    record, humidity = bridge(gaps=True), weather()
    through = Site(registers, names).live(record, until=90, humidity=humidity)
    halves = through.branch()
    blob = encode_state(halves.catalogue, halves.state, np.array([0], np.int32))[0]
    halves.state = initial_state(halves.catalogue)
    decode_state(halves.catalogue, halves.state, 0, blob)
    for site in (through, halves):
        site.live(record, until=either(120, long=DAYS), humidity=humidity)
    assert state_digest(halves.catalogue, halves.state) == state_digest(through.catalogue, through.state)


def weather(*, wet_from: int = 130) -> FloatArray:
    """Humidity of each day: dry and damp weeks, and from one day on a wet season."""
    day = np.arange(DAYS)
    scatter = np.random.default_rng(3).normal(0.0, 4.0, DAYS)
    return np.asarray(78.0 + 6.0 * np.sin(day / 6.0) + np.where(day >= wet_from, 14.0, 0.0) + scatter)


def damp_bridge(humidity: FloatArray, *, step: float = 0.0) -> BridgeRecord:
    """A bridge that is heavier by the damp of the last ten days: by 0.06 % of its frequency for each percent."""
    damp = np.empty(DAYS)
    damp[0] = humidity[0]
    for day in range(1, DAYS):
        damp[day] = damp[day - 1] + 0.1 * (humidity[day] - damp[day - 1])
    record = bridge(step=step)
    return replace(record, natural_frequency_hz=record.natural_frequency_hz * (1.0 - 0.0006 * (damp - 78.0)))


DAMP_NAMES = [*NAMES, "humidity"]


@pytest.fixture(scope="module")
def damp_site() -> Site:
    """The bridge and its hygrometer after a hundred days, before a wet season, a step or a drift."""
    humidity = weather()
    return Site(make_register, DAMP_NAMES).live(damp_bridge(humidity), until=100, humidity=humidity)


@pytest.mark.slow
def test_what_damp_explains_is_not_stated(registers: Callable[..., Any], damp_site: Site) -> None:
    humidity = weather()
    wet = damp_bridge(humidity)
    assert Site(registers).live(wet).reasons() != []
    assert damp_site.branch().live(wet, humidity=humidity).reasons() == []


@pytest.mark.slow
def test_a_step_is_stated_where_damp_does_not_explain_it(damp_site: Site) -> None:
    humidity = weather(wet_from=DAYS)
    site = damp_site.branch().live(damp_bridge(humidity, step=0.006), humidity=humidity)
    (reason,) = site.reasons()
    percent, band = float(reason.facts["percent"]), float(reason.facts["band"])
    assert abs(percent + 0.6) < 2.0 * band < 0.4


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["silent from the beginning", "silent later", "late"])
def test_a_hygrometer_that_is_silent_changes_no_statement(
    registers: Callable[..., Any], stepped: Site, fault: str
) -> None:
    humidity = weather(wet_from=DAYS)
    silent = {"silent from the beginning": slice(0, None), "silent later": slice(120, None), "late": slice(0, 40)}
    humidity[silent[fault]] = np.nan
    site = Site(registers, DAMP_NAMES).live(bridge(), humidity=humidity)
    assert site.reasons() == stepped.reasons() != []
    assert (site.state.damp_memory.tolist() == [b""]) == (fault != "silent later")


@pytest.mark.slow
@pytest.mark.parametrize("drift", [-0.2, 0.2])
def test_a_hygrometer_that_drifts_states_nothing(damp_site: Site, drift: float) -> None:
    humidity = weather(wet_from=DAYS)
    drifting = humidity + drift * np.maximum(np.arange(DAYS) - 100.0, 0.0)
    site = damp_site.branch().live(damp_bridge(humidity), humidity=drifting)
    assert site.reasons() == []


def test_humidity_is_a_mean_of_weeks_and_is_held_for_days(registers: Callable[..., Any]) -> None:
    humidity = np.concatenate([np.full(20, 70.0), np.full(DAYS - 20, 90.0)])
    humidity[40:50] = np.nan
    site = Site(registers, DAMP_NAMES).live(bridge(), until=34, humidity=humidity)
    assert float(site.state.damp[0]) == pytest.approx(90.0 - 20.0 * np.exp(-1.0))
    site.live(bridge(), until=50, humidity=humidity)
    assert float(site.state.damp[0]) == pytest.approx(90.0 - 20.0 * np.exp(-20.0 / 14.0))
    assert int(site.state.damp_day[0]) == START_NS // DAY_NS + 39
    site.live(bridge(), until=51, humidity=humidity)
    assert float(site.state.damp[0]) == pytest.approx(90.0 - 20.0 * np.exp(-31.0 / 14.0))


@pytest.mark.parametrize(("environments", "lines"), [(1, 0), (2, 0), (2, 1)])
def test_a_detector_that_was_saved_each_row_says_the_same(environments: int, lines: int) -> None:
    record = bridge(5, gaps=True)
    kept = StreamDetector(channels=1, environments=environments, lines=lines)
    saved = encode_detector(StreamDetector(channels=1, environments=environments, lines=lines))
    for day in range(130):
        warmth = np.full(environments, np.nan if day % 17 == 3 else record.temperature_degc[day])
        time_s, value = 86400.0 * day, record.natural_frequency_hz[day : day + 1]
        around = warmth * np.arange(1.0, environments + 1.0)
        again = decode_detector(saved)
        one, other = kept.step(time_s, value, around), again.step(time_s, value, around)
        saved = encode_detector(again)
        assert (one.novelty, one.alarm, one.share_of_alarm) == (other.novelty, other.alarm, other.share_of_alarm)
        assert np.array_equal(one.expected, other.expected, equal_nan=True)
    assert encode_detector(kept) == saved


@pytest.mark.slow
@pytest.mark.parametrize("environments", either([2], long=[1, 2]))
def test_detectors_stepped_together_say_what_each_says_alone(environments: int) -> None:
    """Also where rows are missing, and where some have just begun."""
    records = [bridge(seed, gaps=seed % 2 == 0) for seed in range(20)]
    alone, together = ([StreamDetector(channels=1, environments=environments) for _ in records] for _ in range(2))
    for day in range(140):
        # The later ones begin later.
        live = range(min(1 + day // 4, len(records)))
        value = np.array([records[row].natural_frequency_hz[day : day + 1] for row in live])
        warmth = np.array([records[row].temperature_degc[day] for row in live])
        around = np.stack([warmth, 80.0 + np.abs(warmth)], axis=1)[:, :environments]
        one = [alone[row].step(86400.0 * day, value[row], around[row]) for row in live]
        many = step_together([together[row] for row in live], 86400.0 * day, value, around)
        for single, of_many in zip(one, many, strict=True):
            assert (single.novelty, single.share_of_alarm) == (of_many.novelty, of_many.share_of_alarm)
            assert np.array_equal(single.expected, of_many.expected, equal_nan=True)
    assert [encode_detector(detector) for detector in alone] == [encode_detector(detector) for detector in together]
    assert max(detector.rows for detector in together) == 140


def test_a_stream_without_an_environment_is_not_stepped_with_others() -> None:
    with pytest.raises(ShapeError, match="without an environment"):
        step_together([StreamDetector(channels=1)], 0.0, np.ones((1, 1)), np.ones((1, 0)))


def test_other_bytes_and_other_streams_are_refused() -> None:
    with pytest.raises(StorageCorrupt, match="cannot be read"):
        decode_detector(b"x" * 40)
    with pytest.raises(TypeError, match="not part of a stream with an environment"):
        encode_detector(StreamDetector(channels=2))


def test_a_smaller_budget_moves_the_line_of_a_detector_that_runs() -> None:
    detector = StreamDetector(channels=1, environments=1, expected_run_length=1000.0)
    record = bridge()
    for day in range(140):
        verdict = detector.step(
            86400.0 * day, record.natural_frequency_hz[day : day + 1], record.temperature_degc[day : day + 1]
        )
    shares = []
    for promise in (1000.0, 100_000.0):
        detector.promise(promise)
        again = decode_detector(encode_detector(detector))
        verdict = again.step(
            86400.0 * 140, record.natural_frequency_hz[140:141] * 0.998, record.temperature_degc[140:141]
        )
        shares.append(verdict.share_of_alarm)
    assert shares[0] > shares[1] > 0.0
