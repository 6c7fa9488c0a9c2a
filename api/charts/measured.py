"""Expected against measured: one channel over time, with the band that is normal at that weather and traffic."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from api.charts.common import NEWEST_IN_VIEW, WIDE, ChartView, civil, drawn, layered, time_axis
from api.drawing import Drawing
from api.figures import local_time, number, quantity, span
from api.interactive import Tip
from api.languages import Language
from api.terms import channel_name, unit_symbol
from api.texts import capital, plural, text
from domain.measurements import SeriesPoint

__all__ = ["measured_chart", "thinned"]

_POINTS: Final = 240  # more than a screen shows apart
_ROWS: Final = 12
_NS_PER_DAY: Final = 86_400e9
# A hole of more than this many steps breaks the line: nothing was measured there.
_HOLE_STEPS: Final = 3


@dataclass(frozen=True, slots=True)
class Mean:
    """Some hops in a row, averaged; expected and band are None where any of them lacks one."""

    start_ns: int
    value: float
    expected: float | None
    band: float | None
    outside: bool


def thinned(points: Sequence[SeriesPoint], most: int = _POINTS) -> list[Mean]:
    """Average hops in equal groups until at most `most` are left; a group is outside when any of its hops is."""
    size = max(math.ceil(len(points) / most), 1)
    return [_mean(points[first : first + size]) for first in range(0, len(points), size)]


def measured_chart(
    drawing: Drawing, points: Sequence[SeriesPoint], channel: str, sensor: str, unit: str, language: Language
) -> ChartView:
    """Draw one channel; `points` oldest first, at least one."""
    symbol = unit_symbol(unit, language)
    name = channel_name(channel, language)
    title = f"{capital(name)}, {sensor}"
    means = thinned(points)
    measured, expected = text("measured", language), text("expected", language)
    values = [
        {
            "t": civil(mean.start_ns),
            "value": mean.value,
            "expected": mean.expected,
            "low": None if mean.expected is None or mean.band is None else mean.expected - mean.band,
            "high": None if mean.expected is None or mean.band is None else mean.expected + mean.band,
            "piece": piece,
        }
        for mean, piece in zip(means, _pieces(means), strict=True)
    ]
    axis_title = f"{name} ({symbol})" if symbol else name
    scale = {"zero": False, "nice": True}
    colour = {
        "type": "nominal",
        "scale": {"domain": [measured, expected], "range": ["var(--chart-1)", "var(--chart-2)"]},
    }
    spec = layered(
        [
            {
                "mark": {"type": "area", "color": "var(--chart-band)", "opacity": 0.6},
                "encoding": {
                    "y": {"field": "low", "type": "quantitative", "scale": scale, "title": axis_title},
                    "y2": {"field": "high"},
                    "detail": {"field": "piece"},
                },
            },
            {
                "mark": {"type": "line", "strokeDash": [5, 3], "strokeWidth": 1.5},
                "encoding": {
                    "y": {"field": "expected", "type": "quantitative", "scale": scale, "title": axis_title},
                    "color": {"datum": expected, **colour},
                    "detail": {"field": "piece"},
                },
            },
            {
                "mark": {"type": "line", "strokeWidth": 1.5},
                "encoding": {
                    "y": {"field": "value", "type": "quantitative", "scale": scale, "title": axis_title},
                    "color": {"datum": measured, **colour},
                    "detail": {"field": "piece"},
                },
            },
        ],
        data={"values": values},
        encoding={"x": time_axis()},
        width=WIDE,
        height=260,
        config=NEWEST_IN_VIEW,
    )
    return drawn(
        drawing,
        spec,
        language,
        code="measured",
        title=title,
        sentence=_sentence(points, symbol, language),
        columns=(text("Time", language), text("Measured", language), text("Expected", language)),
        rows=tuple(_row(mean, symbol, language) for mean in thinned(points, _ROWS)[::-1]),
        tips=lambda: [Tip(civil(mean.start_ns), _tip(mean, symbol, language)) for mean in means],
    )


def _mean(points: Sequence[SeriesPoint]) -> Mean:
    expected = [point.expected for point in points if point.expected is not None]
    bands = [point.band for point in points if point.band is not None]
    count = len(points)
    return Mean(
        points[0].start_ns,
        math.fsum(point.value for point in points) / count,
        math.fsum(expected) / count if len(expected) == count else None,
        math.fsum(bands) / count if len(bands) == count else None,
        any(_is_outside(point) for point in points),
    )


def _is_outside(point: SeriesPoint) -> bool:
    return point.expected is not None and point.band is not None and abs(point.value - point.expected) > point.band


def _pieces(means: Sequence[Mean]) -> list[int]:
    """Give each point the number of its piece of line; holes break a line into pieces."""
    steps = sorted(after.start_ns - before.start_ns for before, after in itertools.pairwise(means))
    usual = steps[len(steps) // 2] if steps else 0
    numbers = [0]
    for before, after in itertools.pairwise(means):
        numbers.append(numbers[-1] + (after.start_ns - before.start_ns > _HOLE_STEPS * usual))
    return numbers[: len(means)]


def _sentence(points: Sequence[SeriesPoint], symbol: str, language: Language) -> str:
    """Say in words what the drawing shows: the newest value, what was expected, how often it lay outside."""
    newest, judged = points[-1], [point for point in points if point.expected is not None and point.band is not None]
    length = span((newest.start_ns - points[0].start_ns) / _NS_PER_DAY, language)
    when, value = local_time(newest.start_ns, language), _value(newest.value, newest.band, symbol, language)
    if len(points) == 1:
        said = text("One value, of {time}: {value}.", language, time=when, value=value)
    else:
        said = text(
            "{count} values over {length}; the newest, of {time}, is {value}.",
            language,
            count=number(len(points), language),
            length=length,
            time=when,
            value=value,
        )
    if not judged:
        return f"{said} {text('What is normal is not known here yet.', language)}"
    outside = sum(_is_outside(point) for point in judged)
    return (
        said
        + " "
        + plural(
            "{outside} of {judged} lies outside the band of what is normal.",
            "{outside} of {judged} lie outside the band of what is normal.",
            outside,
            language,
            outside=number(outside, language),
            judged=number(len(judged), language),
        )
    )


def _row(mean: Mean, symbol: str, language: Language) -> tuple[str, ...]:
    expected = "–"
    if mean.expected is not None and mean.band is not None:
        middle = _value(mean.expected, mean.band, "", language)
        expected = f"{middle} ± {_value(mean.band, mean.band, symbol, language)}"
    return local_time(mean.start_ns, language), _value(mean.value, mean.band, symbol, language), expected


def _tip(mean: Mean, symbol: str, language: Language) -> str:
    time, value, expected = _row(mean, symbol, language)
    if mean.expected is None:
        return text("{time}: {value}", language, time=time, value=value)
    return text("{time}: {value}, expected {expected}", language, time=time, value=value, expected=expected)


def _value(value: float, band: float | None, symbol: str, language: Language) -> str:
    """Write a value to two digits of its band, else to four of its own."""
    size, digits = (band, 1) if band else (abs(value), 3)
    decimals = min(max(digits - math.floor(math.log10(size)), 0), 9) if size > 0 else 0
    return quantity(number(value, language, decimals=decimals, minimum_decimals=decimals if band else 0), symbol)
