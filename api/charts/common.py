"""What all charts share: local time on the axis, room for the legend, a chart with its words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from api.drawing import CONFIG, Drawing, Spec
from api.figures import percent
from api.interactive import Tip
from api.languages import Language

__all__ = ["NEWEST_IN_VIEW", "WIDE", "ChartView", "civil", "drawn", "layered", "share_axis", "time_axis"]

_LOCAL: Final = ZoneInfo("Europe/Amsterdam")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# As wide as half a page shows it, so that letters keep their size.
_WIDTH: Final = 580
# For a chart that has the whole width of the page.
WIDE: Final = 1200
# On a phone a chart over time is wider than the screen and its newest end is in view (schouw.css): there stand the
# scale and the legend too, since a line without them says nothing.
NEWEST_IN_VIEW: Final[Spec] = {
    "axisY": {**CONFIG["axisY"], "orient": "right", "titleAlign": "right", "titleX": 44},
    "legend": {**CONFIG["legend"], "layout": {"top": {"anchor": "end"}}},
}
# Day before month, as both languages write it here; whole months and years by their name alone.
_TICKS: Final = {
    "year": "%Y",
    "quarter": "%B",
    "month": "%B",
    "week": "%-d %b",
    "date": "%-d %b",
    "day": "%-d %b",
    "hours": "%H:%M",
    "minutes": "%H:%M",
}


@dataclass(frozen=True, slots=True)
class ChartView:
    """A chart as a page shows it: the drawing, a sentence that says the same, and a table.

    Attributes
    ----------
    svg : str or None
        None when it could not be drawn; the words stand all the same.
    columns, rows : tuple
        The table behind the drawing, as texts; empty where the sentence says it all.
    code : str
        Names the chart in the address of its interactive form.
    spec, tips
        What that form is made from. What it says at each place is put into words when that form is asked for: a
        year has thousands of figures, and most readers look at the drawing alone.
    """

    title: str
    svg: str | None
    sentence: str
    code: str
    spec: Spec
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    tips: Callable[[], Sequence[Tip]] = tuple


def civil(time_ns: int) -> str:
    """Write a moment as civil time in the Netherlands, dressed as UTC so that no drawing engine shifts it again."""
    moment = (_EPOCH + timedelta(microseconds=time_ns // 1000)).astimezone(_LOCAL)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def time_axis(field: str = "t", **values: Any) -> Spec:
    """Encode civil time along the horizontal."""
    axis = {"grid": False, "labelOverlap": True, "labelSeparation": 8, "tickCount": 6, "format": _TICKS}
    return {"field": field, "type": "temporal", "scale": {"type": "utc"}, "axis": axis, "title": None, **values}


def share_axis(language: Language, **values: Any) -> Spec:
    """Label an axis of shares in percents, as the words beside the drawing write them."""
    sign = percent(0.0, language).lstrip("0")
    return {"labelExpr": f"format(datum.value * 100, '.0f') + '{sign}'", **values}


def layered(layers: list[Spec], *, height: int = 220, width: int = _WIDTH, **values: Any) -> Spec:
    """Put layers into one chart of the usual size."""
    return {
        "width": width,
        "height": height,
        "layer": layers,
        "autosize": {"type": "fit", "contains": "padding"},
        **values,
    }


def drawn(
    drawing: Drawing,
    spec: Spec,
    language: Language,
    *,
    code: str,
    title: str,
    sentence: str,
    columns: tuple[str, ...] = (),
    rows: tuple[tuple[str, ...], ...] = (),
    tips: Callable[[], Sequence[Tip]] = tuple,
) -> ChartView:
    """Draw a chart and put its words beside it."""
    return ChartView(title, drawing.svg(spec, language), sentence, code, spec, columns, rows, tips)
