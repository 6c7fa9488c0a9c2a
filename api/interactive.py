"""What a browser needs to draw a chart itself: the library, and a specification that can be zoomed and pointed at.

The library is the bundle that the drawing package carries (Vega, Vega-Lite, Vega-Embed; about 900 kB, 305 kB
compressed). It is made when a reader first asks for an interactive chart, takes two or three seconds once for each
process of the API, and is kept compressed. Its address holds the versions it is made from, so a browser keeps it for
as long as it likes. It runs under the same strict policy as every page: expressions are interpreted, not compiled
(`ast`), and no style is put into the page (`api/static/charts.js`).
"""

from __future__ import annotations

import copy
import gzip
import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

import vl_convert

from api.drawing import LOCALES, VERSION, Spec, completed
from api.languages import Language

__all__ = ["BUNDLE_NAME", "BUNDLE_PATH", "BUNDLE_TAG", "Bundle", "Tip", "interactive"]

_SNIPPET: Final = "window.vegaEmbed = vegaEmbed;"
_MADE_OF: Final = (
    version("vl-convert-python"),
    vl_convert.get_vega_version(),
    vl_convert.get_vega_embed_version(),
    VERSION,
    _SNIPPET,
)
BUNDLE_TAG: Final = hashlib.blake2b(repr(_MADE_OF).encode(), digest_size=16).hexdigest()
BUNDLE_NAME: Final = f"vega-{BUNDLE_TAG[:12]}.js"
BUNDLE_PATH: Final = f"/static/{BUNDLE_NAME}"
# Signal with the part of the horizontal axis that is shown (null: all), and the data of the mark at the reader's point.
_SHOWN: Final = "shown"
_CURSOR: Final = "cursor"


@dataclass(frozen=True, slots=True)
class Tip:
    """What a chart says at one place.

    Attributes
    ----------
    x : str or float
        Where on the horizontal axis: civil time as `api.charts.common.civil` writes it, or a number.
    y : float or None
        Where on the vertical axis, when places beside each other are told apart by it too.
    text : str
        The words, in the reader's language.
    """

    x: str | float
    text: str
    y: float | None = None


class Bundle:
    """The library as bytes; made once, when it is first asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._packed = b""

    def packed(self) -> bytes:
        """Give the library compressed with gzip; the first call takes seconds."""
        with self._lock:
            if not self._packed:
                source = vl_convert.javascript_bundle(_SNIPPET, vl_version=VERSION)
                self._packed = gzip.compress(source.encode(), 9, mtime=0)
            return self._packed


def interactive(spec: Spec, tips: Sequence[Tip], language: Language) -> dict[str, Any]:
    """Make what a browser draws from: the specification with a window and a cursor, the tips, the locale.

    Parameters
    ----------
    spec : dict
        A layered specification whose layers share a horizontal axis; not changed.
    tips : sequence of Tip
        In the order in which a reader goes through them.
    """
    whole = copy.deepcopy(completed(spec))
    shared = whole.get("encoding", {})
    axes = [axis for part in (whole, *whole["layer"]) if (axis := part.get("encoding", {}).get("x")) is not None]
    for axis in axes:
        axis["scale"] = {**axis.get("scale", {}), "domainRaw": {"expr": _SHOWN}}
    for layer in whole["layer"]:
        layer["mark"] = {**layer["mark"], "clip": True}
    whole["params"] = [{"name": _SHOWN, "value": None}]
    cursor: Spec = {"x": {**axes[0], "field": "x"}}
    if any(tip.y is not None for tip in tips):
        layers = [shared, *(layer["encoding"] for layer in whole["layer"])]
        cursor["y"] = {**next(encoding["y"] for encoding in layers if "y" in encoding), "field": "y"}
        mark: Spec = {"type": "point", "size": 160, "strokeWidth": 2.5, "filled": False}
    else:
        mark = {"type": "rule", "strokeWidth": 1.5}
    whole["layer"].append(
        {
            # The newest place, until the reader goes elsewhere.
            "data": {"name": _CURSOR, "values": [{"x": tip.x, "y": tip.y} for tip in tips[-1:]]},
            "mark": {**mark, "color": "var(--focus)", "opacity": 1, "clip": True},
            "encoding": cursor,
        }
    )
    return {
        "spec": whole,
        "tips": [{"x": tip.x, "text": tip.text} | ({} if tip.y is None else {"y": tip.y}) for tip in tips],
        "formatLocale": vl_convert.get_format_locale(LOCALES[language]),
        "timeFormatLocale": vl_convert.get_time_format_locale(LOCALES[language]),
    }
