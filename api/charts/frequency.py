"""Natural frequencies against temperature: what the weather explains, and what it does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from api.charts.common import ChartView, drawn, layered
from api.drawing import Drawing
from api.figures import number
from api.interactive import Tip
from api.languages import Language
from api.terms import channel_name, term
from api.texts import capital, plural, text
from domain.measurements import SeriesPoint
from domain.modes import ModePoint

__all__ = ["frequency_chart", "mode_chart"]

_POINTS: Final = 300
_RECENT: Final = 1 / 6
_BINS: Final = 6


def frequency_chart(
    drawing: Drawing,
    frequency: Sequence[SeriesPoint],
    temperature: Sequence[SeriesPoint],
    channel: str,
    sensor: str,
    language: Language,
    *,
    code: str = "frequency-1",
) -> ChartView | None:
    """Draw one natural frequency against temperature, the newest sixth apart; None without common hours."""
    degrees = {point.start_ns: point.value for point in temperature}
    pairs = [(degrees[point.start_ns], point.value) for point in frequency if point.start_ns in degrees]
    name = channel_name(channel, language)
    return _against_temperature(drawing, pairs, name, f"{capital(name)}, {sensor}", code, language)


def mode_chart(
    drawing: Drawing, points: Sequence[ModePoint], place: int, language: Language, *, code: str
) -> ChartView | None:
    """Draw one mode found in waveforms against the structure's temperature; None where that is nowhere known.

    Parameters
    ----------
    points : sequence of ModePoint
        Of one mode, oldest first.
    place : int
        Its number among those shown, from one.
    """
    pairs = [(point.temperature_degc, point.frequency_hz) for point in points if point.temperature_degc is not None]
    name = f"{term('quantity', 'natural_frequency', language)} {place}"
    title = text("{name}, from waveforms", language, name=capital(name))
    return _against_temperature(drawing, pairs, name, title, code, language)


def _against_temperature(
    drawing: Drawing, pairs: Sequence[tuple[float, float]], name: str, title: str, code: str, language: Language
) -> ChartView | None:
    """Draw pairs of temperature and frequency, oldest first, the newest sixth apart."""
    if not pairs:
        return None
    every = max(len(pairs) // _POINTS, 1)
    cut = round(len(pairs) * (1 - _RECENT))
    before, recent = text("before", language), text("most recent", language)
    values: list[dict[str, Any]] = [
        {"x": warm, "y": hertz, "when": recent if place >= cut else before}
        for place, (warm, hertz) in enumerate(pairs)
        if place % every == 0
    ]
    spec = layered(
        [
            {
                "mark": {"type": "point", "filled": True, "size": 22, "opacity": 0.7},
                "encoding": {
                    "x": {
                        "field": "x",
                        "type": "quantitative",
                        "scale": {"zero": False},
                        "title": text("temperature (°C)", language),
                    },
                    "y": {
                        "field": "y",
                        "type": "quantitative",
                        "scale": {"zero": False},
                        "title": f"{name} (Hz)",
                    },
                    "color": {
                        "field": "when",
                        "type": "nominal",
                        "scale": {"domain": [before, recent], "range": ["var(--chart-1)", "var(--chart-2)"]},
                    },
                    "shape": {
                        "field": "when",
                        "type": "nominal",
                        "scale": {"domain": [before, recent], "range": ["circle", "triangle-up"]},
                    },
                },
            }
        ],
        data={"values": values},
    )
    return drawn(
        drawing,
        spec,
        language,
        code=code,
        title=title,
        sentence=plural(
            "{count} time both a frequency and a temperature. A frequency that falls at the same temperature "
            "points to a loss of stiffness.",
            "{count} times both a frequency and a temperature. A frequency that falls at the same temperature "
            "points to a loss of stiffness.",
            len(pairs),
            language,
            count=number(len(pairs), language),
        ),
        columns=(text("Temperature", language), f"{before} (Hz)", f"{recent} (Hz)"),
        rows=_bins(pairs[:cut], pairs[cut:], language),
        tips=lambda: [
            Tip(
                item["x"],
                text(
                    "{temperature} °C: {frequency} Hz, {when}",
                    language,
                    temperature=number(item["x"], language, decimals=1),
                    frequency=number(item["y"], language, decimals=3),
                    when=item["when"],
                ),
                item["y"],
            )
            for item in sorted(values, key=lambda item: (item["x"], item["y"]))
        ],
    )


def _bins(
    before: Sequence[tuple[float, float]], recent: Sequence[tuple[float, float]], language: Language
) -> tuple[tuple[str, ...], ...]:
    """Average the frequency in classes of temperature, before and recently."""
    low = min(warm for warm, _ in (*before, *recent))
    high = max(warm for warm, _ in (*before, *recent))
    step = max((high - low) / _BINS, 0.1)
    rows = []
    for place in range(_BINS):
        start = low + place * step
        cells = [_mean_in(pairs, start, start + step, language) for pairs in (before, recent)]
        if any(cell != "–" for cell in cells):
            bounds = [number(value, language, decimals=1) for value in (start, start + step)]
            rows.append((text("{low} to {high}", language, low=bounds[0], high=f"{bounds[1]} °C"), *cells))
    return tuple(rows)


def _mean_in(pairs: Sequence[tuple[float, float]], low: float, high: float, language: Language) -> str:
    inside = [hertz for warm, hertz in pairs if low <= warm < high]
    return number(sum(inside) / len(inside), language, decimals=3) if inside else "–"
