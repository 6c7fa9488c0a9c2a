"""The scoreboard: every figure of every detector over the same runs, as one record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from service.evaluation.alarm_figures import AlarmFigures, grade_alarms, judge_lives
from service.evaluation.details import Details, list_details
from service.evaluation.forecast_figures import ForecastFigures, LifeFigures, grade_forecast, grade_life
from service.evaluation.money import MoneyFigures, grade_money
from service.evaluation.sensor_figures import SensorFigures, grade_sensors
from service.evaluation.truth import DAY_NS, YEAR_DAYS, Case

__all__ = ["DetectorScore", "RunFacts", "Scoreboard", "make_scoreboard"]


class DetectorScore(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of one detector."""

    detector: str
    alarms: AlarmFigures
    forecast: ForecastFigures
    life_from_alarm: LifeFigures
    life_from_onset: LifeFigures
    money: MoneyFigures
    sensors: SensorFigures


class RunFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What one run was: its name, and how its messages were accounted for."""

    name: str
    start_ns: int
    end_ns: int
    assets: int
    monitored: int
    damages: int
    failures: int
    sensor_faults: int
    seconds: float
    tally: dict[str, int]


class Scoreboard(msgspec.Struct, frozen=True, kw_only=True):
    """The whole comparison.

    Attributes
    ----------
    promise_per_year : float
        False alarms an asset-year that the settings promise.
    detectors : list of DetectorScore
        Ours first.
    details : Details
        The cases behind our own figures.
    """

    title: str
    promise_per_year: float
    model_version: str
    asset_years: float
    runs: list[RunFacts]
    detectors: list[DetectorScore]
    details: Details


def make_scoreboard(
    title: str,
    cases: Mapping[str, Sequence[Case]],
    *,
    runs: Sequence[RunFacts],
    promise_per_year: float,
    model_version: str,
) -> Scoreboard:
    """Grade every detector on all its cases together.

    Parameters
    ----------
    cases : mapping of str to sequence of Case
        The runs of each detector, by its name, in the order wanted.
    """
    first = next(iter(cases.values()), [])
    watched = sum((life.end_ns - life.start_ns) / DAY_NS for case in first for life in case.lives)
    return Scoreboard(
        title=title,
        promise_per_year=promise_per_year,
        model_version=model_version,
        asset_years=watched / YEAR_DAYS,
        runs=list(runs),
        detectors=[_grade(name, mine) for name, mine in cases.items()],
        details=list_details(first, judge_lives(first)),
    )


def _grade(name: str, cases: Sequence[Case]) -> DetectorScore:
    judged = judge_lives(cases)
    return DetectorScore(
        detector=name,
        alarms=grade_alarms(judged),
        forecast=grade_forecast(cases),
        life_from_alarm=grade_life(cases, from_alarm=True),
        life_from_onset=grade_life(cases, from_alarm=False),
        money=grade_money(judged),
        sensors=grade_sensors(cases),
    )
