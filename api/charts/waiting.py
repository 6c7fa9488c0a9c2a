"""What repairing costs in each week of the coming year, with the best week; what an inspection is worth."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from api.charts.common import ChartView, drawn, layered, time_axis
from api.drawing import Drawing
from api.figures import euros, long_date, number
from api.interactive import Tip
from api.languages import Language
from api.texts import text
from domain.explanations import RepairPlan

__all__ = ["waiting_chart"]

_LAST_WEEK: Final = 52
_TABLE_STEP: Final = 4


def waiting_chart(drawing: Drawing, plan: RepairPlan, today: date, language: Language) -> ChartView:
    """Draw the expected cost of "repair in week w"; weeks that the crew cannot make are left out."""
    weeks = range(plan.first_week, len(plan.cost_eur))
    values: list[dict[str, Any]] = [
        {"t": (today + timedelta(weeks=week)).isoformat() + "T00:00:00Z", "cost": plan.cost_eur[week]} for week in weeks
    ]
    best = [item for week, item in zip(weeks, values, strict=True) if week == plan.best_week and week < _LAST_WEEK]
    x = time_axis()
    y = {
        "field": "cost",
        "type": "quantitative",
        "scale": {"zero": True},
        "axis": {"format": ",.0f", "tickCount": 5},
        "title": text("expected cost (€)", language),
    }
    layers = [
        {"data": {"values": values}, "mark": {"type": "line", "color": "var(--chart-1)"}, "encoding": {"x": x, "y": y}},
        {
            "data": {"values": best},
            "mark": {"type": "point", "filled": True, "size": 110, "opacity": 1, "color": "var(--chart-2)"},
            "encoding": {"x": x, "y": y},
        },
    ]
    return drawn(
        drawing,
        layered(layers),
        language,
        code="waiting",
        title=text("Cost of waiting", language),
        sentence=_sentence(plan, today, language),
        columns=(text("Week from now", language), text("Day", language), text("Expected cost", language)),
        rows=tuple(
            (
                number(week, language),
                long_date(today + timedelta(weeks=week), language),
                euros(plan.cost_eur[week], language),
            )
            for week in weeks
            if (week - plan.first_week) % _TABLE_STEP == 0 or week == plan.best_week
        ),
        tips=lambda: [
            Tip(
                item["t"],
                text(
                    "Week from {day}: {cost}",
                    language,
                    day=long_date(today + timedelta(weeks=week), language),
                    cost=euros(item["cost"], language),
                ),
            )
            for week, item in zip(weeks, values, strict=True)
        ],
    )


def _sentence(plan: RepairPlan, today: date, language: Language) -> str:
    if plan.first_week >= _LAST_WEEK:
        said = text("The crew cannot come within a year.", language)
    elif plan.best_week >= _LAST_WEEK:
        said = text("Repairing within a year is not the cheapest.", language)
    else:
        said = text(
            "The best week begins about {day}; repairing then is expected to cost {cost}.",
            language,
            day=long_date(today + timedelta(weeks=plan.best_week), language),
            cost=euros(plan.cost_eur[plan.best_week], language),
        )
        if 0 < plan.first_week == plan.best_week:
            said += " " + text("That is the first week in which the crew can come.", language)
    later = plan.week_after_best_eur
    if later is not None and later >= 1:
        said += " " + text("A week later costs about {cost} more.", language, cost=euros(later, language))
    if plan.inspection_eur >= 1:
        worth = euros(plan.inspection_eur, language)
        said += " " + text("An inspection beforehand is worth up to {cost}.", language, cost=worth)
    return said
