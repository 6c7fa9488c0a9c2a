"""How well statements came true here, beside what simulated fleets gave, as tables of a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from api.algorithm.simulated import SIMULATED
from api.calibrating import summary
from api.figures import number, percent, span
from api.languages import Language
from api.terms import alarm_title, term
from api.texts import text
from domain.calibration import Calibration
from domain.figures import Figure

__all__ = ["outcome_tables"]


def outcome_tables(made: Calibration, language: Language) -> dict[str, Any]:
    """Give the sentence, the figures of both sides, the reliability curve and the alarms that people judged.

    Returns
    -------
    dict
        `summary`; `figures` as rows of name, own figure (empty: not enough outcomes) and simulated figure; `bins` and
        `alarms` as rows of cells, empty where there is nothing to show; `has_ranges` where some have a range; `version`
        and `failures` of the simulation.
    """
    forecast, life = made.forecast, made.life

    def rounded(estimate: Figure | None) -> str:
        return _with_range(estimate, lambda value: number(value, language, decimals=2), language)

    def share(estimate: Figure | None) -> str:
        return _with_range(estimate, lambda value: percent(value, language), language)

    def days(estimate: Figure | None) -> str:
        return _with_range(estimate, lambda value: span(value, language), language)

    figures = [
        (
            text("Chance of failure within 90 days: skill (1 perfect, 0 no better than the average)", language),
            rounded(None if forecast is None else forecast.skill),
            number(SIMULATED.brier_skill, language, decimals=2),
        ),
        (
            text("Remaining life: how often the truth lies in the 80% interval", language),
            share(None if life is None else life.coverage),
            percent(SIMULATED.coverage, language),
        ),
        (
            text("Remaining life: mean width of that interval", language),
            days(None if life is None else life.width_days),
            span(SIMULATED.width_days, language),
        ),
        (
            text("Remaining life: usual error", language),
            days(None if life is None else life.error_days),
            span(SIMULATED.error_days, language),
        ),
    ]
    bins = [
        (
            f"{percent(point.low, language)} – {percent(point.high, language)}",
            percent(point.stated, language),
            _ranged(
                percent(point.happened, language),
                percent(point.happened_low, language),
                percent(point.happened_high, language),
                language,
            ),
            number(point.statements, language),
            number(point.lives, language),
        )
        for point in (() if forecast is None else forecast.reliability)
    ]
    alarms = [
        (
            term("asset_type", row.asset_type, language),
            alarm_title(row.kind, language),
            number(row.confirmed, language),
            number(row.dismissed, language),
            share(row.precision),
        )
        for row in made.alarms
    ]
    return {
        "summary": summary(made, language),
        "figures": figures,
        "has_ranges": bool(bins) or any(own for _name, own, _simulated in figures),
        "bins": bins,
        "alarms": alarms,
        "version": SIMULATED.model_version,
        "failures": number(SIMULATED.failures, language),
    }


def _with_range(estimate: Figure | None, write: Callable[[float], str], language: Language) -> str:
    if estimate is None or estimate.value is None:
        return ""
    if estimate.low is None or estimate.high is None:
        return write(estimate.value)
    return _ranged(write(estimate.value), write(estimate.low), write(estimate.high), language)


def _ranged(value: str, low: str, high: str, language: Language) -> str:
    return text("{value} ({low} to {high})", language, value=value, low=low, high=high)
