"""The charts of one structure: which rows they need, and in what order they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from api.charts.common import ChartView, civil
from api.charts.frequency import frequency_chart, mode_chart
from api.charts.life import life_chart
from api.charts.measured import measured_chart
from api.charts.spectrum import spectrum_chart
from api.charts.timeline import EventRow, timeline_chart
from api.charts.waiting import waiting_chart
from api.languages import Language
from api.rooms import ApiRooms
from api.terms import channel_name
from domain.explanations import RepairPlan
from domain.identifiers import AssetId, ChannelName, SensorId
from domain.measurements import SensorStatus, SeriesPoint
from domain.modes import ModePoint
from domain.records import RiskAssessment

__all__ = ["AssetCharts", "ChannelChoice", "asset_charts", "channel_choices"]

_NS_PER_DAY: Final = 86_400 * 10**9
_YEAR_NS: Final = 366 * _NS_PER_DAY
_HOPS_MOST: Final = 9000  # a year of hours
_FREQUENCY: Final = "natural_frequency"
# Modes and sampling rates that one page shows; the API gives all of them.
_MODES_MOST: Final = 4
_SPECTRA_MOST: Final = 3
_PERIODS_MOST: Final = 400  # days of a year
_TEMPERATURES: Final = ("temperature", "deck_temperature")


@dataclass(frozen=True, slots=True)
class ChannelChoice:
    """A channel that can be shown; `code` stands in the address."""

    code: str
    label: str
    status: SensorStatus


@dataclass(frozen=True, slots=True)
class AssetCharts:
    """All charts of one structure; None where there is nothing to draw."""

    timeline: ChartView | None
    measured: ChartView | None
    life: ChartView | None
    waiting: ChartView | None
    frequencies: tuple[ChartView, ...]
    spectra: tuple[ChartView, ...]

    def named(self, code: str) -> ChartView | None:
        """Give the chart with this name in its address; None where there is none."""
        views = (self.timeline, self.measured, self.life, self.waiting, *self.frequencies, *self.spectra)
        return next((view for view in views if view is not None and view.code == code), None)


def channel_choices(sensors: Sequence[SensorStatus], language: Language) -> list[ChannelChoice]:
    """List the channels that were ever heard, those that show the condition first."""
    heard = [status for status in sensors if status.last_time_ns is not None]
    heard.sort(key=lambda status: (status.role != "condition", status.sensor, status.channel))
    return [
        ChannelChoice(
            f"{status.sensor}/{status.channel}", f"{status.sensor}: {channel_name(status.channel, language)}", status
        )
        for status in heard
    ]


def asset_charts(
    rooms: ApiRooms,
    risk: RiskAssessment | None,
    sensors: Sequence[SensorStatus],
    chosen: SensorStatus | None,
    days: int,
    events: Sequence[EventRow],
    language: Language,
    *,
    plan: RepairPlan | None = None,
) -> AssetCharts:
    """Read what the charts need and draw them."""
    asset = risk.asset if risk is not None else chosen.asset if chosen is not None else None
    if asset is None:
        return AssetCharts(None, None, None, None, (), ())
    newest_ns = risk.assessed_at_ns if risk is not None else rooms.now_ns()
    history = rooms.overview.daily(asset, newest_ns - _YEAR_NS)
    if risk is not None and (not history or history[-1].assessed_at_ns < risk.assessed_at_ns):
        history = [*history, risk]
    modes = rooms.modes.newest(asset)
    measured = None
    if chosen is not None:
        points = _hops(rooms, chosen, days)
        if points:
            measured = measured_chart(rooms.drawing, points, chosen.channel, chosen.sensor, chosen.unit, language)
    return AssetCharts(
        timeline=timeline_chart(rooms.drawing, history, events, language),
        measured=measured,
        life=None if risk is None else life_chart(rooms.drawing, risk, history, language),
        waiting=None
        if plan is None or risk is None
        else waiting_chart(rooms.drawing, plan, _day_of(risk.assessed_at_ns), language),
        frequencies=(
            *_frequencies(rooms, sensors, days, language),
            *_modes(rooms, asset, modes, newest_ns, language),
        ),
        spectra=_spectra(rooms, asset, modes, language),
    )


def _day_of(time_ns: int) -> date:
    """Give the civil day of a moment: the weeks of a plan count from the assessment, also in a replay."""
    return date.fromisoformat(civil(time_ns)[:10])


def _hops(rooms: ApiRooms, status: SensorStatus, days: int) -> Sequence[SeriesPoint]:
    if status.last_time_ns is None:
        return ()
    return rooms.series.hops(
        AssetId(status.asset),
        SensorId(status.sensor),
        ChannelName(status.channel),
        start_ns=status.last_time_ns - days * _NS_PER_DAY,
        limit=_HOPS_MOST,
    )


def _modes(
    rooms: ApiRooms, asset: AssetId, modes: Sequence[ModePoint], newest_ns: int, language: Language
) -> list[ChartView]:
    """Draw the modes that were seen most against the temperature, over a year, in the order of their frequency."""
    chosen = sorted(modes, key=lambda mode: -mode.periods)[:_MODES_MOST]
    chosen.sort(key=lambda mode: mode.frequency_hz)
    charts = (
        mode_chart(
            rooms.drawing,
            rooms.modes.points(asset, mode.mode, start_ns=newest_ns - _YEAR_NS, limit=_PERIODS_MOST),
            place,
            language,
            code=f"mode-{mode.mode}",
        )
        for place, mode in enumerate(chosen, start=1)
    )
    return [chart for chart in charts if chart is not None]


def _spectra(rooms: ApiRooms, asset: AssetId, modes: Sequence[ModePoint], language: Language) -> tuple[ChartView, ...]:
    """Draw the newest spectrum of each sampling rate with the modes found in it."""
    charts = (
        spectrum_chart(
            rooms.drawing,
            spectrum,
            sorted(
                (mode for mode in modes if mode.mode.startswith(f"{spectrum.sampling_rate_hz:g}-")),
                key=lambda mode: mode.frequency_hz,
            ),
            language,
        )
        for spectrum in rooms.modes.spectra(asset)[:_SPECTRA_MOST]
    )
    return tuple(chart for chart in charts if chart is not None)


def _frequencies(
    rooms: ApiRooms, sensors: Sequence[SensorStatus], days: int, language: Language
) -> tuple[ChartView, ...]:
    """Draw the first two natural frequencies against the temperature, where both are measured."""
    warm = next((status for name in _TEMPERATURES for status in sensors if status.channel == name), None)
    found = [status for status in sensors if status.channel.startswith(_FREQUENCY)][:2]
    if warm is None or not found:
        return ()
    temperature = _hops(rooms, warm, days)
    charts = (
        frequency_chart(
            rooms.drawing,
            _hops(rooms, status, days),
            temperature,
            status.channel,
            status.sensor,
            language,
            code=f"frequency-{place}",
        )
        for place, status in enumerate(found, start=1)
    )
    return tuple(chart for chart in charts if chart is not None)
