"""The averaged spectrum of a structure's waveforms, now and in its first periods, with the modes found in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from api.charts.common import WIDE, ChartView, drawn, layered
from api.drawing import Drawing
from api.figures import local_date, number
from api.interactive import Tip
from api.languages import Language
from api.texts import plural, text
from domain.modes import AveragedSpectrum, ModePoint

__all__ = ["spectrum_chart"]

_POINTS: Final = 400  # more than a screen shows apart
_DIGITS: Final = 2


def spectrum_chart(
    drawing: Drawing, spectrum: AveragedSpectrum, modes: Sequence[ModePoint], language: Language
) -> ChartView | None:
    """Draw one spectrum on a logarithmic axis; None where it holds nothing above nought.

    Parameters
    ----------
    modes : sequence of ModePoint
        The newest of each mode of this sampling rate; those that this period did not show stand in the table alone.
    """
    rows = _thinned(spectrum)
    if not rows:
        return None
    now, first = text("now", language), text("in the first periods", language)
    values: list[dict[str, Any]] = [
        {"f": hertz, "value": value, "when": when}
        for hertz, *both in rows
        for when, value in zip((now, first), both, strict=True)
        if value > 0
    ]
    seen = [mode for mode in modes if mode.end_ns == spectrum.end_ns]
    marks = [{"f": mode.frequency_hz, "name": number(mode.frequency_hz, language, decimals=2)} for mode in seen]
    x: dict[str, Any] = {
        "field": "f",
        "type": "quantitative",
        "scale": {"nice": False, "domain": [0, rows[-1][0]]},
        "title": text("frequency (Hz)", language),
        "axis": {"grid": False},
    }
    lowest, highest = (pick(item["value"] for item in values) for pick in (min, max))
    powers = range(math.floor(math.log10(lowest)), math.ceil(math.log10(highest)) + 1)
    y = {
        "field": "value",
        "type": "quantitative",
        "scale": {"type": "log"},
        "title": text("share of the power in each hertz", language),
        # Plain decimals: "~g" writes the lowest as 1e-7 below 0.000001.
        "axis": {"format": f",.{max(0, -powers[0])}~f", "values": [10.0**power for power in powers]},
    }
    colour = {
        "field": "when",
        "type": "nominal",
        "scale": {"domain": [now, first], "range": ["var(--chart-1)", "var(--chart-2)"]},
    }
    dash = {"field": "when", "type": "nominal", "scale": {"domain": [now, first], "range": [[1, 0], [5, 3]]}}
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": values},
            "mark": {"type": "line", "strokeWidth": 1.5},
            "encoding": {"x": x, "y": y, "color": colour, "strokeDash": dash},
        }
    ]
    if marks:
        mark = {"data": {"values": marks}, "encoding": {"x": x}}
        layers += [
            {**mark, "mark": {"type": "rule", "color": "var(--chart-4)", "strokeDash": [2, 3], "opacity": 0.9}},
            {
                **mark,
                "mark": {"type": "text", "color": "var(--ink)", "align": "left", "dx": 4, "baseline": "top"},
                "encoding": {"x": x, "y": {"value": 2}, "text": {"field": "name"}},
            },
        ]
    rate = number(spectrum.sampling_rate_hz, language, decimals=1, minimum_decimals=0)
    return drawn(
        drawing,
        layered(layers, width=WIDE, height=260),
        language,
        code=f"spectrum-{spectrum.sampling_rate_hz:g}",
        title=text("Waveforms of {rate} samples a second", language, rate=rate),
        sentence=_sentence(spectrum, seen, language),
        columns=(
            text("Mode", language),
            text("Measured", language),
            text("At 10 °C", language),
            text("Reference", language),
            text("Damping", language),
        ),
        rows=tuple(_row(mode, language) for mode in modes),
        tips=lambda: [
            Tip(
                hertz,
                text(
                    "{frequency} Hz: {now} now, {first} at first",
                    language,
                    frequency=number(hertz, language, decimals=2),
                    now=_share(value, language),
                    first=_share(reference, language),
                ),
            )
            for hertz, value, reference in rows
        ],
    )


def _thinned(spectrum: AveragedSpectrum) -> list[tuple[float, float, float]]:
    """Give frequency, density and reference in at most `_POINTS` groups of bins; a group is as high as its highest."""
    reference = spectrum.reference or (0.0,) * len(spectrum.density)
    size = max(math.ceil(len(spectrum.density) / _POINTS), 1)
    rows = []
    for start in range(1, len(spectrum.density), size):  # the bin at 0 Hz holds the mean, which is no vibration
        group = spectrum.density[start : start + size]
        peak = start + max(range(len(group)), key=group.__getitem__)
        rows.append((peak * spectrum.bin_hz, max(group), max(reference[start : start + size], default=0.0)))
    return rows if any(value > 0 for _, *both in rows for value in both) else []


def _sentence(spectrum: AveragedSpectrum, seen: Sequence[ModePoint], language: Language) -> str:
    said = plural(
        "The average of {count} waveform up to {day}.",
        "The average of {count} waveforms up to {day}.",
        spectrum.blocks,
        language,
        count=number(spectrum.blocks, language),
        day=local_date(spectrum.end_ns - 1, language),
    )
    if not seen:
        return f"{said} {text('No natural frequency stands out of it.', language)}"
    peaks = ", ".join(f"{number(mode.frequency_hz, language, decimals=2)} Hz" for mode in seen)
    return (
        said
        + " "
        + text(
            "Natural frequencies in it: {peaks}. One that moves to the left at the same temperature points to a loss "
            "of stiffness.",
            language,
            peaks=peaks,
        )
    )


def _row(mode: ModePoint, language: Language) -> tuple[str, ...]:
    return (
        mode.mode,
        _with_spread(mode.frequency_hz, mode.frequency_sd_hz, language),
        _with_spread(mode.compensated_hz, mode.compensated_sd_hz, language),
        "–"
        if mode.reference_hz is None or mode.reference_sd_hz is None
        else _with_spread(mode.reference_hz, mode.reference_sd_hz, language),
        _share(mode.damping_ratio, language),
    )


def _with_spread(value: float, spread: float, language: Language) -> str:
    """Write a frequency and its standard uncertainty to as many digits as that has two of."""
    decimals = min(max(1 - math.floor(math.log10(spread)), 0), 6) if spread > 0 else 3
    both = (number(item, language, decimals=decimals) for item in (value, spread))
    return f"{' ± '.join(both)} Hz"


def _share(value: float, language: Language) -> str:
    """Write a share in percents with two digits that say something."""
    share = 100 * value
    decimals = min(max(_DIGITS - 1 - math.floor(math.log10(share)), 0), 9) if share > 0 else 0
    return f"{number(share, language, decimals=decimals, minimum_decimals=0)}%"
