from dataclasses import fields

import numpy as np
import pytest

from domain.arrays import FloatArray
from simulator.climate import SPIN_UP_H, Climate, WeatherEvent, lag, make_climate, raised_window

JANUARY_2025_NS = 1_735_689_600 * 10**9
YEARS = 9


def climate(seed: int = 5, years: int = YEARS, events: tuple[WeatherEvent, ...] = ()) -> Climate:
    return make_climate(
        seed=seed,
        start_ns=JANUARY_2025_NS,
        years=years,
        latitude_deg=52.1,
        longitude_deg=5.1,
        mean_temperature_degc=10.5,
        events=events,
    )


@pytest.mark.parametrize("time_constant_h", [1.2, 6.0, 30.0])
def test_thermal_lag_delays_and_damps_a_daily_wave_as_a_first_order_system(time_constant_h: float) -> None:
    hours = np.arange(0.0, 24.0 * 60)
    omega = 2.0 * np.pi / 24.0
    response = lag(np.sin(omega * hours), time_constant_h)[-24 * 10 :]
    phase = np.exp(-1j * omega * hours[-24 * 10 :])
    gain = 2.0j * np.mean(response * phase)
    assert abs(gain) == pytest.approx(1.0 / np.hypot(1.0, omega * time_constant_h), rel=0.012)
    assert -np.angle(gain) == pytest.approx(np.arctan(omega * time_constant_h), abs=0.02)


def test_lag_keeps_what_does_not_change_and_reaches_63_percent_after_its_time_constant() -> None:
    assert np.allclose(lag(np.full(50, 4.0), 6.0), 4.0)
    ramped = np.concatenate([np.zeros(2), np.ones(200)])
    # The driver rises linearly over one hour, so the step is centred half an hour before its end.
    assert np.interp(1.5 + 20.0, np.arange(202.0), lag(ramped, 20.0)) == pytest.approx(1.0 - np.exp(-1.0), abs=0.002)


def test_the_air_follows_the_dutch_normals() -> None:
    air = climate().air_temperature_degc[SPIN_UP_H:][: (YEARS - 1) * 8760]
    by_day = air.reshape(-1, 24)
    day_of_year = np.arange(len(by_day)) % 365
    january, july = by_day[day_of_year < 31], by_day[(day_of_year >= 181) & (day_of_year < 212)]
    assert air.mean() == pytest.approx(10.5, abs=0.8)
    assert january.mean() == pytest.approx(3.6, abs=1.5)
    assert july.mean() == pytest.approx(18.2, abs=1.5)
    assert (july.max(axis=1) - july.min(axis=1)).mean() == pytest.approx(9.5, abs=1.5)
    assert 15 <= (by_day.min(axis=1) < 0).sum() / (YEARS - 1) <= 75


def test_rain_wind_and_humidity_have_natural_sizes() -> None:
    weather = climate()
    assert weather.rain_mm_h.sum() / YEARS == pytest.approx(850.0, rel=0.25)
    assert 0.05 < (weather.rain_mm_h > 0).mean() < 0.14
    assert weather.wind_m_s.mean() == pytest.approx(4.0, abs=0.6)
    assert weather.humidity_pct.mean() == pytest.approx(80.0, abs=4.0)
    assert weather.humidity_pct.min() >= 0.0
    assert weather.humidity_pct.max() <= 100.0


def test_inertia_grows_from_surface_to_base() -> None:
    weather = climate()

    def daily_range(series: FloatArray) -> float:
        return float(np.ptp(series.reshape(-1, 24), axis=1).mean())

    ranges = [daily_range(getattr(weather, f"{part}_temperature_degc")) for part in ("surface", "deck", "core", "base")]
    assert ranges == sorted(ranges, reverse=True)
    assert weather.surface_temperature_degc.max() > weather.air_temperature_degc.max() + 8.0


def test_more_years_leave_the_earlier_ones_bit_for_bit() -> None:
    short, long = climate(years=1), climate(years=2)
    for name in (field.name for field in fields(Climate)):
        assert np.array_equal(getattr(short, name), getattr(long, name)[:8760]), name


def test_events_add_wind_and_shift_temperature_only_within_their_time() -> None:
    storm = WeatherEvent("storm", 240.0, 36.0, 15.0)
    frost = WeatherEvent("frost_spell", 500.0, 120.0, 12.0)
    plain, eventful = climate(years=1), climate(years=1, events=(storm, frost))
    gust = (eventful.wind_m_s - plain.wind_m_s)[SPIN_UP_H:]
    assert gust.max() == pytest.approx(15.0, abs=0.2)
    assert np.allclose(gust[:240], 0.0)
    assert np.allclose(gust[277:], 0.0)
    colder = (eventful.air_temperature_degc - plain.air_temperature_degc)[SPIN_UP_H:]
    assert colder.min() == pytest.approx(-12.0, abs=0.2)
    assert np.allclose(colder[:500], 0.0)


def test_a_window_rises_to_one_halfway() -> None:
    window = raised_window(np.array([0.0, 10.0, 15.0, 20.0, 99.0]), 10.0, 10.0)
    np.testing.assert_allclose(window, [0.0, 0.0, 1.0, 0.0, 0.0], atol=1e-12)
