"""Spectra and modes on the page of a structure: what is drawn, what is said, and what is said when there is nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest

from api.charts.frequency import mode_chart
from api.charts.spectrum import spectrum_chart
from api.drawing import Drawing
from api.languages import Language
from domain.identifiers import AssetId
from domain.modes import AveragedSpectrum, ModePoint
from tests.unit.api.samples import DAY_NS, NOW_NS
from tests.unit.api.town import Town

BRIDGE = AssetId("brug-042")
NBSP = "\u00a0"


def make_spectrum(bins: int = 1024, **values: Any) -> AveragedSpectrum:
    """Make a floor with a peak at 3 Hz that stood at 3.2 Hz at first."""

    def density(peak_hz: float) -> tuple[float, ...]:
        return (0.0, *(0.001 + 0.5 / (1 + (hertz * 0.05 - peak_hz) ** 2 * 400) for hertz in range(1, bins)))

    base: dict[str, Any] = {
        "asset": BRIDGE,
        "sampling_rate_hz": 100.0,
        "start_ns": NOW_NS - DAY_NS,
        "end_ns": NOW_NS,
        "blocks": 12,
        "temperature_degc": 9.5,
        "bin_hz": 0.05,
        "density": density(3.0),
        "reference": density(3.2),
        "reference_periods": 30,
        "tones_hz": (),
    }
    return AveragedSpectrum(**(base | values))


def make_mode(days_ago: int = 0, **values: Any) -> ModePoint:
    base: dict[str, Any] = {
        "asset": BRIDGE,
        "mode": "100-1",
        "start_ns": NOW_NS - (days_ago + 1) * DAY_NS,
        "end_ns": NOW_NS - days_ago * DAY_NS,
        "blocks": 12,
        "temperature_degc": 10.0 + days_ago % 7,
        "frequency_hz": 3.0,
        "frequency_sd_hz": 0.004,
        "compensated_hz": 3.01,
        "compensated_sd_hz": 0.003,
        "reference_hz": 3.2,
        "reference_sd_hz": 0.002,
        "damping_ratio": 0.0123,
        "damping_sd": 0.001,
        "share": 0.4,
        "first_ns": NOW_NS - 90 * DAY_NS,
        "periods": 80,
    }
    return ModePoint(**(base | values))


@pytest.fixture(scope="module")
def drawing() -> Drawing:
    return Drawing()


def test_a_spectrum_names_its_peaks_and_tells_them_from_those_at_first(drawing: Drawing) -> None:
    gone = make_mode(40, mode="100-2", frequency_hz=7.5, reference_hz=None, reference_sd_hz=None)
    chart = spectrum_chart(drawing, make_spectrum(), [make_mode(), gone], Language.DUTCH)
    assert chart is not None
    assert "gemiddelde van 12 golfvormen tot en met 21 sep 2026" in chart.sentence
    assert "Eigenfrequenties erin: 3,00 Hz." in chart.sentence
    assert chart.rows[0] == ("100-1", "3,0000 ± 0,0040 Hz", "3,0100 ± 0,0030 Hz", "3,2000 ± 0,0020 Hz", "1,2%")
    assert chart.rows[1][3] == "–"
    svg = chart.svg or ""
    assert ">3,00<" in svg
    assert ">7,50<" not in svg  # not in this spectrum
    assert "var(--chart-4)" in svg
    peak = max(chart.tips(), key=lambda tip: float(re.findall(r"nu ([\d,]+)", tip.text)[0].replace(",", ".")))
    assert peak.text == "3,00 Hz: nu 50%, eerst 3%"
    assert len(chart.tips()) <= 400


def test_what_cannot_stand_on_a_logarithmic_axis_is_left_out(drawing: Drawing) -> None:
    assert spectrum_chart(drawing, make_spectrum(density=(0.0,) * 8, reference=()), [], Language.ENGLISH) is None
    chart = spectrum_chart(drawing, make_spectrum(8, reference=()), [], Language.ENGLISH)
    assert chart is not None
    assert "No natural frequency stands out" in chart.sentence
    assert all(value["value"] > 0 for value in chart.spec["layer"][0]["data"]["values"])


def test_the_lowest_power_of_ten_on_the_axis_is_a_plain_decimal(drawing: Drawing) -> None:
    """It read 1e-7 below 0,000001."""
    floor = make_spectrum(density=(0.0, *(2e-7 if step < 500 else 0.5 for step in range(1, 1024))), reference=())
    chart = spectrum_chart(drawing, floor, [], Language.DUTCH)
    assert chart is not None
    assert ">0,0000001<" in (chart.svg or "")
    assert "e-7" not in (chart.svg or "")


def test_a_mode_without_a_temperature_is_not_drawn_against_one(drawing: Drawing) -> None:
    known = [make_mode(day) for day in range(30, 0, -1)]
    chart = mode_chart(drawing, known, 1, Language.ENGLISH, code="mode-100-1")
    assert chart is not None
    assert chart.title == "Natural frequency 1, from waveforms"
    assert chart.sentence.startswith("30 times both")
    blind = [make_mode(day, temperature_degc=None) for day in range(3)]
    assert mode_chart(drawing, blind, 1, Language.ENGLISH, code="mode-100-1") is None


def test_the_page_shows_modes_and_spectra_and_each_can_be_interactive(town: Town) -> None:
    town.modes.rows = [make_mode(day) for day in range(30)]
    town.modes.averages = [make_spectrum()]
    client = town.client()
    html = client.get("/assets/brug-042?lang=en").text
    assert 'data-chart="mode-100-1"' in html
    assert 'data-chart="spectrum-100"' in html
    assert "no sensor here sends waveforms" not in html
    for code in ("mode-100-1", "spectrum-100"):
        assert client.get(f"/assets/brug-042/charts/{code}?lang=en").json()["tips"]
    assert "no sensor here sends waveforms" in town.client().get("/assets/sluis-7?lang=en").text
