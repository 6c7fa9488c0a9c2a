"""Remaining life as a fan: health so far, and the straight ways from here to the failure level.

The fan adds nothing to the forecast: it joins today's health with the failure level at the forecast's three times
(80 % interval and middle), so that a planner sees how wide the answer is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from api.charts.common import ChartView, civil, drawn, layered, time_axis
from api.drawing import Drawing
from api.figures import local_date, number, span, span_range
from api.interactive import Tip
from api.languages import Language
from api.texts import text
from domain.records import RiskAssessment

__all__ = ["life_chart"]

_NS_PER_DAY: Final = 86_400 * 10**9
# Forecasts beyond this reach are cut off: the structure outlives the page.
_REACH_DAYS: Final = 5 * 365
_LEAST_REACH_DAYS: Final = 90.0


def life_chart(
    drawing: Drawing, risk: RiskAssessment, history: Sequence[RiskAssessment], language: Language
) -> ChartView | None:
    """Draw the fan; None where health or remaining life is not known. `history` runs from old to new."""
    life, health = risk.remaining_life, risk.health_index
    if life is None or health is None:
        return None
    reach = min(max(1.2 * life.q50_days, _LEAST_REACH_DAYS), _REACH_DAYS)
    now_ns = risk.assessed_at_ns
    past: list[dict[str, Any]] = [
        {
            "t": civil(item.assessed_at_ns),
            "days": (item.assessed_at_ns - now_ns) / _NS_PER_DAY,
            "health": item.health_index,
        }
        for item in (*history, risk)
        if item.health_index is not None and now_ns - item.assessed_at_ns <= 2 * reach * _NS_PER_DAY
    ]
    steps = [reach * share / 24 for share in range(25)]
    fan: list[dict[str, Any]] = [
        {
            "t": civil(now_ns + round(days * _NS_PER_DAY)),
            "days": days,
            "low": _on_the_way(health, days, life.q10_days),
            "high": _on_the_way(health, days, life.q90_days),
            "middle": _on_the_way(health, days, life.q50_days),
        }
        for days in steps
    ]
    so_far, middle = text("health so far", language), text("forecast, middle", language)
    colour = {
        "type": "nominal",
        "scale": {"domain": [so_far, middle], "range": ["var(--chart-1)", "var(--chart-2)"]},
    }
    title = text("health, 1 to 0", language)
    y = {"type": "quantitative", "scale": {"domain": [0, 1]}, "title": title}
    spec = layered(
        [
            {
                "data": {"values": fan},
                "mark": {"type": "area", "color": "var(--chart-band)", "opacity": 0.6},
                "encoding": {"x": time_axis(), "y": {"field": "low", **y}, "y2": {"field": "high"}},
            },
            {
                "data": {"values": fan},
                "mark": {"type": "line", "strokeDash": [5, 3], "clip": True},
                "encoding": {
                    "x": time_axis(),
                    "y": {"field": "middle", **y},
                    "color": {"datum": middle, **colour},
                },
            },
            {
                "data": {"values": past},
                "mark": {"type": "line"},
                "encoding": {
                    "x": time_axis(),
                    "y": {"field": "health", **y},
                    "color": {"datum": so_far, **colour},
                },
            },
        ]
    )
    return drawn(
        drawing,
        spec,
        language,
        code="life",
        title=text("Remaining life", language),
        sentence=text(
            "Health is {health} now. The failure level is reached in about {middle}; in eight of ten cases within "
            "{range}. The straight lines join today with that forecast.",
            language,
            health=number(health, language, decimals=2),
            middle=span(life.q50_days, language),
            range=span_range(life.q10_days, life.q90_days, life.q50_days, language),
        ),
        tips=lambda: [
            *(Tip(item["t"], _said(now_ns, item["days"], item["health"], item["health"], language)) for item in past),
            *(Tip(item["t"], _said(now_ns, item["days"], item["low"], item["high"], language)) for item in fan[1:]),
        ],
    )


def _said(now_ns: int, days: float, low: float, high: float, language: Language) -> str:
    """Say what the health is, or lies between, some days from now."""
    day = local_date(now_ns + round(days * _NS_PER_DAY), language)
    first, last = (number(value, language, decimals=2) for value in (low, high))
    if first == last:
        return text("{time}: health {health}", language, time=day, health=first)
    return text("{time}: health {low} to {high}", language, time=day, low=first, high=last)


def _on_the_way(health: float, days: float, life_days: float) -> float:
    """Give the health after some days on the straight way to zero; it stays there."""
    return max(health * (1 - days / life_days), 0.0) if life_days > 0 else 0.0
