"""Charts as SVG text, drawn on the server from Vega-Lite specifications; no browser, no network.

The drawing library carries its own JavaScript engine: about 110 MB once warm, 20 to 40 ms a chart, a second and a
half for the first. It lets other threads run while it draws, and one lock keeps it to one chart at a time. What was
drawn is kept, by a hash of the specification, so that a page without news costs nothing. Colours are the theme's
tokens (`var(--chart-1)`), so that a chart follows light and dark without being drawn again.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import OrderedDict
from typing import Any, Final, Literal

import vl_convert

from api.languages import Language

__all__ = ["CONFIG", "LOCALES", "VERSION", "Drawing", "Spec", "completed"]

Spec = dict[str, Any]

_WARMED: Final = 25  # the engine goes on learning: a tenth less a chart than after three
_DAYS: Final = range(1, 29)
_KEPT: Final = 400  # charts of about 20 kB each
LOCALES: Final[dict[Language, Literal["en-GB", "nl-NL"]]] = {Language.ENGLISH: "en-GB", Language.DUTCH: "nl-NL"}
VERSION: Final = "v6.4"
# What labels, legend and padding take beside and above the plot. To fit a chart into a size exactly the engine lays it
# out twice, a fifth of what a chart costs; a page scales it to its column anyway, and some pixels are not seen.
_AROUND: Final = {"width": 74, "height": 62}
_IDENTIFIER: Final = re.compile(r'(id="|url\(#)((?:clip|gradient_)\w*)')
# A hundredth of a pixel is finer than any screen: what is behind it is a third of the size of a chart. Only inside
# tags: a label may read 400.000, which in Dutch is a large amount and not a fine one.
_TAG: Final = re.compile(r"<[^<>]*>")
_DECIMALS: Final = re.compile(r"(?<=\d\.\d\d)\d+")
CONFIG: Final[Spec] = {
    "aria": False,
    "background": None,
    "font": "sans-serif",
    # Letters differ from machine to machine: room for wider ones than the engine reckons with.
    "padding": {"left": 14, "right": 14, "top": 6, "bottom": 6},
    "view": {"stroke": None},
    "axis": {
        "domainColor": "var(--line-strong)",
        "gridColor": "var(--chart-grid)",
        "labelColor": "var(--ink-soft)",
        "labelFontSize": 12,
        "tickColor": "var(--line-strong)",
        "titleColor": "var(--ink-soft)",
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
    # Lying above its axis a title is read without turning one's head, and meets no label.
    # The few labels of its height never meet either, so that nothing looks whether they do.
    "axisY": {
        "labelOverlap": False,
        "titleAlign": "left",
        "titleAngle": 0,
        "titleBaseline": "bottom",
        "titleX": -44,
        "titleY": -9,
    },
    "legend": {
        "labelColor": "var(--ink)",
        "labelFontSize": 12,
        "columnPadding": 36,
        "offset": 30,
        "orient": "top",
        "title": None,
        "symbolStrokeWidth": 2,
    },
}


def completed(spec: Spec) -> Spec:
    """Add what all charts share to a specification; parts of the look that it names itself take their place."""
    config = {**CONFIG, **spec.get("config", {})}
    return {"$schema": "https://vega.github.io/schema/vega-lite/v6.json", **spec, "config": config}


class Drawing:
    """Draws charts, one at a time, and keeps what it drew."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drawn: OrderedDict[str, str] = OrderedDict()

    def warm(self) -> None:
        """Draw something a few times, so that the first reader does not wait for the engine to start and to learn."""
        time: Spec = {"field": "t", "type": "temporal", "scale": {"type": "utc"}}
        height: Spec = {"field": "y", "type": "quantitative"}
        kind: Spec = {"field": "c", "type": "nominal"}
        layers: list[Spec] = [
            {"mark": "area", "encoding": {"y": height, "y2": {"field": "z"}}},
            {"mark": "line", "encoding": {"y": height, "color": kind}},
            {"mark": {"type": "point", "filled": True}, "encoding": {"y": height, "color": kind, "shape": kind}},
            {"mark": "rule", "encoding": {}},
            {"mark": "text", "encoding": {"y": height, "text": kind}},
        ]
        for year in range(2000, 2000 + _WARMED):
            values = [{"t": f"{year}-01-{day:02d}T00:00:00Z", "y": day % 7, "z": 0, "c": str(day % 2)} for day in _DAYS]
            chart = {"data": {"values": values}, "encoding": {"x": time}, "layer": layers, "width": 580, "height": 220}
            self.svg(chart, Language.DUTCH)

    def svg(self, spec: Spec, language: Language) -> str | None:
        """Draw one chart.

        Parameters
        ----------
        spec : dict
            A Vega-Lite specification with its data inside.

        Returns
        -------
        str or None
            An `svg` element to stand in a page, hidden from screen readers because a text stands beside it; None
            when it cannot be drawn, which the page says.
        """
        text = json.dumps(completed(_laid_out_once(spec)), sort_keys=True, allow_nan=False)
        key = hashlib.blake2b(f"{language} {text}".encode(), digest_size=16).hexdigest()
        with self._lock:
            if key in self._drawn:
                self._drawn.move_to_end(key)
                return self._drawn[key]
            try:
                drawn = vl_convert.vegalite_to_svg(
                    text,
                    vl_version=VERSION,
                    allowed_base_urls=[],
                    format_locale=LOCALES[language],
                    time_format_locale=LOCALES[language],
                )
            except ValueError:
                return None
            self._drawn[key] = _tidy(drawn, key[:8])
            if len(self._drawn) > _KEPT:
                self._drawn.popitem(last=False)
            return self._drawn[key]


def _laid_out_once(spec: Spec) -> Spec:
    """Size the plot of a specification that says how large the whole chart is, as near as can be told beforehand."""
    if spec.get("autosize", {}).get("type") != "fit":
        return spec
    return {**spec, "autosize": "pad", **{side: spec[side] - taken for side, taken in _AROUND.items()}}


def _tidy(svg: str, prefix: str) -> str:
    """Make an `svg` fit for a page that holds several: identifiers of its own, no say in its size."""
    svg = _IDENTIFIER.sub(lambda found: f"{found[1]}c{prefix}{found[2]}", svg)
    opening, rest = svg.split(">", 1)
    rest = _TAG.sub(lambda found: _DECIMALS.sub("", found[0]), rest)
    box = re.search(r'viewBox="[^"]*"', opening)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {box[0] if box else ""} aria-hidden="true" focusable="false">{rest}'
    )
