"""Modes followed over months, from peaks as they would be found day by day."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from domain.arrays import FloatArray
from domain.errors import ShapeError
from models.modal_memory import ModeTracks
from models.modal_peaks import ModalPeaks
from models.modal_tracks import MOST_TRACKS, TrackedMode, follow_modes
from tests.modal_signals import make_peaks, weather_of

DAY_NS = 86_400_000_000_000
DAMPING = np.array([0.014, 0.012, 0.011])
SHARE = np.array([0.60, 0.25, 0.10])
BASE_HZ = np.array([3.2, 5.4, 9.1])
SLOPES = np.array([-0.012, -0.008, -0.015])


class Story:
    """Days of one structure, and what was told of them."""

    def __init__(self, seed: int, base_hz: FloatArray = BASE_HZ, slopes: FloatArray = SLOPES) -> None:
        self.generator = np.random.default_rng(seed)
        self.base_hz, self.slopes = base_hz, slopes
        self.tracks = ModeTracks.empty()
        self.told: list[tuple[int, TrackedMode, list[int]]] = []

    def live(
        self, temperature_degc: FloatArray, *, days: range, factor: float = 1.0, has_thermometer: bool = True
    ) -> None:
        for day in days:
            degc = temperature_degc[day]
            answer = 1.0 + self.slopes * (degc - 10.0) / 10.0 + 0.03 * max(-degc, 0.0) / 5.0
            peaks, parts = make_peaks(self.generator, self.base_hz * answer * factor, SHARE, DAMPING)
            self.tracks, modes = follow_modes(
                self.tracks,
                peaks,
                time_ns=(20_000 + day) * DAY_NS,
                temperature_degc=degc if has_thermometer else np.nan,
            )
            for mode in modes:
                peak = int(np.argmin(np.abs(peaks.frequency_hz - mode.frequency_hz)))
                self.told.append((day, mode, parts[peak]))

    def identities(self) -> dict[int, Counter[int]]:
        """Which true modes each number stood for, where its peak was of one mode alone."""
        found: dict[int, Counter[int]] = {}
        for _, mode, parts in self.told:
            if len(parts) == 1:
                found.setdefault(mode.number, Counter())[parts[0]] += 1
        return found

    def compensated(self, number: int, days: range) -> tuple[FloatArray, FloatArray]:
        rows = [
            (m.compensated_hz, m.compensated_sd_hz) for day, m, _ in self.told if m.number == number and day in days
        ]
        values = np.array(rows)
        return values[:, 0], values[:, 1]


def assert_identities(story: Story) -> None:
    found = story.identities()
    assert len(found) == len(story.base_hz)
    for counts in found.values():
        (_, most), *others = counts.most_common()
        assert sum(count for _, count in others) <= 0.02 * most


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_modes_keep_their_identity_through_a_year_and_a_gap_of_half_a_year(seed: int) -> None:
    story = Story(seed)
    weather = weather_of(story.generator, 500)
    story.live(weather, days=range(150))
    story.live(weather, days=range(330, 500))
    assert_identities(story)
    assert set(story.identities()) == {1, 2, 3}
    assert story.tracks.mean[:3, 2] == pytest.approx(SLOPES, abs=0.004)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_modes_that_cross_with_the_weather_keep_their_identity(seed: int) -> None:
    story = Story(seed, np.array([3.2, 3.42, 9.1]), np.array([0.05, -0.05, -0.015]))
    weather = weather_of(story.generator, 400)
    crossings = np.count_nonzero(
        np.diff(np.sign(3.2 * (1 + 0.005 * (weather - 10)) - 3.42 * (1 - 0.005 * (weather - 10))))
    )
    assert crossings >= 4
    story.live(weather, days=range(400))
    assert_identities(story)


@pytest.mark.parametrize("step", [0.003, 0.01, 0.05])
def test_a_step_shows_in_the_compensated_frequency_and_weather_does_not(step: float) -> None:
    story = Story(4)
    weather = weather_of(story.generator, 400)
    story.live(weather, days=range(250))
    story.live(weather, days=range(250, 400), factor=1.0 - step)
    assert set(story.identities()) == {1, 2, 3}
    for number in (1, 2, 3):
        before, before_sd = story.compensated(number, range(100, 250))
        after, after_sd = story.compensated(number, range(255, 400))
        assert after.mean() / before.mean() - 1.0 == pytest.approx(-step, abs=0.0015)
        # Ten days of either side tell a step of 1 % beyond doubt; the raw frequency swings by several per cent.
        assert np.std(before) / before.mean() < 0.004
        assert np.mean(np.abs(before - np.median(before)) < 1.96 * before_sd) > 0.9
        assert np.mean(np.abs(after - np.median(after)) < 1.96 * after_sd) > 0.9


def test_the_reference_is_the_level_before_a_step_until_a_person_renews_it() -> None:
    story = Story(5)
    weather = weather_of(story.generator, 200)
    story.live(weather, days=range(100))
    story.live(weather, days=range(100, 150), factor=0.98)
    _, mode, _ = story.told[-3]
    assert mode.number == 1
    assert mode.reference_hz == pytest.approx(BASE_HZ[0], rel=0.01)
    assert mode.compensated_hz / mode.reference_hz - 1.0 == pytest.approx(-0.02, abs=0.01)
    story.tracks = story.tracks.without_reference()
    story.live(weather, days=range(150, 200), factor=0.98)
    _, mode, _ = story.told[-3]
    assert mode.compensated_hz / mode.reference_hz - 1.0 == pytest.approx(0.0, abs=0.008)


def test_noise_that_the_peaks_do_not_admit_widens_what_is_told() -> None:
    story = Story(6)
    weather = np.full(300, 10.0)
    story.base_hz = BASE_HZ
    scattered = story.generator.normal(1.0, 0.006, 300)
    for day in range(300):
        story.live(weather, days=range(day, day + 1), factor=float(scattered[day]))
    told = [mode for day, mode, _ in story.told if day > 200]
    stated = np.mean([mode.frequency_sd_hz / mode.frequency_hz for mode in told])
    assert stated == pytest.approx(0.0063, rel=0.25)


def test_without_a_thermometer_modes_are_followed_all_the_same() -> None:
    story = Story(7)
    story.live(weather_of(story.generator, 300), days=range(300), has_thermometer=False)
    assert_identities(story)


def test_a_thermometer_that_falls_silent_widens_what_is_compensated() -> None:
    story = Story(8)
    weather = weather_of(story.generator, 200)
    story.live(weather, days=range(150))
    story.live(weather, days=range(150, 200), has_thermometer=False)
    assert_identities(story)
    _, with_it = story.compensated(1, range(100, 150))
    _, without = story.compensated(1, range(150, 200))
    assert without.min() > 2.0 * with_it.max()


def test_a_mode_that_is_away_rests_and_returns_under_its_number() -> None:
    story = Story(9)
    weather = np.full(200, 12.0)
    story.live(weather, days=range(60))
    for day in range(60, 130):
        peaks, _ = make_peaks(story.generator, BASE_HZ[[0, 2]] * 0.9976, SHARE[[0, 2]], DAMPING[[0, 2]])
        story.tracks, modes = follow_modes(story.tracks, peaks, time_ns=(20_000 + day) * DAY_NS, temperature_degc=12.0)
        assert [mode.number for mode in modes] == [1, 3]
    assert story.tracks.rests.tolist() == [False, True, False]
    story.live(weather, days=range(130, 200))
    assert_identities(story)


def test_a_peak_that_comes_once_in_a_while_gets_no_number() -> None:
    story = Story(10)
    weather = np.full(200, 12.0)
    for day in range(200):
        story.base_hz = np.array([3.2, 5.4, story.generator.uniform(15.0, 45.0)])
        story.live(weather, days=range(day, day + 1))
    assert story.tracks.number.max() == 2
    assert len(story.tracks) <= MOST_TRACKS


def test_tracks_come_back_to_the_bit() -> None:
    story = Story(11)
    story.live(weather_of(story.generator, 30), days=range(30))
    assert ModeTracks.decode(story.tracks.encode()).encode() == story.tracks.encode()
    with pytest.raises(ShapeError, match="bytes of modes"):
        ModeTracks.decode(story.tracks.encode()[:-1])


def test_a_period_without_peaks_only_ages() -> None:
    story = Story(12)
    story.live(np.full(30, 10.0), days=range(30))
    nothing = np.empty(0)
    empty = ModalPeaks(nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing)
    after, told = follow_modes(story.tracks, empty, time_ns=(20_000 + 31) * DAY_NS, temperature_degc=np.nan)
    assert told == []
    assert after.missed[:3].tolist() == [1, 1, 1]
    assert np.array_equal(after.number, story.tracks.number)
    assert replace(after, missed=story.tracks.missed).seen.tolist() == story.tracks.seen.tolist()
