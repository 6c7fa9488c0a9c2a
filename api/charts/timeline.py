"""The chance of failure over the last year, with what happened.

That is: alarms, those that several structures got at the same time (a storm, a gateway) apart, decisions, works,
swapped sensors and the inspection of the register. All of it is stored; nothing is guessed from measurements here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from api.charts.common import NEWEST_IN_VIEW, ChartView, civil, drawn, layered, share_axis, time_axis
from api.drawing import Drawing, Spec
from api.figures import chance, chance_range, local_time
from api.interactive import Tip
from api.languages import Language
from api.texts import text
from domain.records import PLANNING_HORIZON_DAYS, FailureProbability, RiskAssessment

__all__ = ["MARKS", "EventRow", "timeline_chart"]

_ROWS: Final = 12
_DAY_NS: Final = 86_400_000_000_000


@dataclass(frozen=True, slots=True)
class EventRow:
    """Something that happened; `group` is one of `MARKS`, `kind` its word, `end_ns` None for a moment."""

    time_ns: int
    end_ns: int | None
    group: str
    kind: str
    title: str
    when: str
    detail: str

    @property
    def sign(self) -> str:
        """Give the sign that stands before it in a list: the shape of its mark."""
        return MARKS[self.group].sign


@dataclass(frozen=True, slots=True)
class Mark:
    """How one group of events is drawn, and its sign in a list."""

    shape: str
    sign: str
    colour: str


MARKS: Final = {
    "shared": Mark("cross", "✚", "var(--watch-mark)"),
    "alarm": Mark("triangle-up", "▲", "var(--act-mark)"),
    "decision": Mark("square", "■", "var(--chart-4)"),
    "works": Mark("diamond", "◆", "var(--chart-3)"),
    "swap": Mark("circle", "●", "var(--chart-2)"),
    "inspection": Mark("triangle-down", "▼", "var(--chart-1)"),
}
# Groups whose beginning and end are both worth seeing, as a bar behind the line.
_BARS: Final = ("works", "swap")


def timeline_chart(
    drawing: Drawing, history: Sequence[RiskAssessment], events: Sequence[EventRow], language: Language
) -> ChartView | None:
    """Draw the chance within 90 days by day with the events on a line above; None without history."""
    days = [
        (risk.assessed_at_ns, item)
        for risk in history
        for item in risk.probability_of_failure
        if item.horizon_days == PLANNING_HORIZON_DAYS
    ]
    if not days:
        return None
    first_ns = days[0][0]
    values = [{"t": civil(time_ns), "value": item.value, "low": item.low, "high": item.high} for time_ns, item in days]
    y = {
        "type": "quantitative",
        "scale": {"domain": [0, 1.12]},
        "axis": share_axis(language, values=[0, 0.25, 0.5, 0.75, 1]),
        "title": text("chance of failure within 90 days", language),
    }
    shown = [event for event in events if event.time_ns >= first_ns]
    kinds = {event.group: event.kind for event in shown}
    marks = [{"t": civil(event.time_ns), "kind": event.kind, "y": 1.07} for event in shown]
    spans = [
        {"t": civil(max(event.time_ns, first_ns)), "end": civil(event.end_ns)}
        for event in events
        if event.end_ns is not None and event.end_ns > first_ns and event.group in _BARS
    ]
    groups = [group for group in MARKS if group in kinds]
    domain = [kinds[group] for group in groups]
    x = time_axis() if days[-1][0] - first_ns >= _DAY_NS else _around(first_ns, days[-1][0])
    layers = [
        {
            "data": {"values": values},
            "mark": {"type": "area", "color": "var(--chart-band)", "opacity": 0.6},
            "encoding": {"x": x, "y": {"field": "low", **y}, "y2": {"field": "high"}},
        },
        {
            "data": {"values": values},
            "mark": {"type": "line", "color": "var(--chart-1)", "point": len(days) == 1},
            "encoding": {"x": x, "y": {"field": "value", **y}},
        },
    ]
    if spans:
        layers.insert(
            0,
            {
                "data": {"values": spans},
                "mark": {"type": "rect", "color": "var(--chart-3)", "opacity": 0.18},
                "encoding": {"x": x, "x2": {"field": "end"}},
            },
        )
    if marks:
        layers.append(
            {
                "data": {"values": marks},
                "mark": {"type": "point", "filled": True, "size": 80, "opacity": 1},
                "encoding": {
                    "x": x,
                    "y": {"field": "y", **y},
                    "color": {
                        "field": "kind",
                        "type": "nominal",
                        "scale": {
                            "domain": domain,
                            "range": [MARKS[group].colour for group in groups],
                        },
                    },
                    "shape": {
                        "field": "kind",
                        "type": "nominal",
                        "scale": {"domain": domain, "range": [MARKS[group].shape for group in groups]},
                    },
                },
            }
        )
    now, then = days[-1], days[0]
    every = max(len(days) // _ROWS, 1)
    return drawn(
        drawing,
        layered(layers, height=240, config=NEWEST_IN_VIEW),
        language,
        code="timeline",
        title=text("What happened", language),
        sentence=text(
            "The chance of failure within 90 days was {then} on {then_day} and is {now} now.",
            language,
            then=chance(then[1].value, language),
            then_day=local_time(then[0], language),
            now=chance(now[1].value, language),
        ),
        columns=(text("Time", language), text("Best estimate", language), text("80% interval", language)),
        rows=tuple(
            (local_time(time_ns, language), chance(item.value, language), chance_range(item.low, item.high, language))
            for time_ns, item in days[::-1][::every]
        ),
        tips=lambda: _tips(days, shown, language),
    )


def _around(first_ns: int, last_ns: int) -> Spec:
    """Encode the time of less than a day with half a day on both sides: an axis of minutes has ticks without a day."""
    ends = (civil(first_ns - _DAY_NS // 2), civil(last_ns + _DAY_NS // 2))
    domain = [round(datetime.fromisoformat(end).timestamp() * 1000) for end in ends]
    return time_axis(scale={"type": "utc", "domain": domain})


def _tips(days: Sequence[tuple[int, FailureProbability]], events: Sequence[EventRow], language: Language) -> list[Tip]:
    """Say the chance of each day, and what happened, in the order of time."""
    said = [
        (
            time_ns,
            text(
                "{time}: chance {chance}, interval {interval}",
                language,
                time=local_time(time_ns, language),
                chance=chance(item.value, language),
                interval=chance_range(item.low, item.high, language),
            ),
        )
        for time_ns, item in days
    ]
    said += [(event.time_ns, f"{event.when}: {event.kind}, {event.title}") for event in events]
    return [Tip(civil(time_ns), words) for time_ns, words in sorted(said)]
