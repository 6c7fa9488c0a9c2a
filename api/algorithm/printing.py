"""A paper as a page shows it: labels instead of names of members, words instead of codes, tables where rows are alike.

The JSON of a paper is for machines and keeps its names and codes; here nothing is added and nothing but machine codes
that stand beside their own words is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from api.algorithm.labels import label
from api.figures import number
from api.languages import Language
from api.terms import alarm_title, channel_name, term, unit_symbol

__all__ = ["Printed", "printed"]

_NONE: Final = "–"
_DECIMALS: Final = 6
# Which words a code has, by the member it stands in.
_TERMS: Final = {
    "alarmState": "alarm_state",
    "dataQuality": "quality",
    "failureMode": "mode",
    "type": "asset_type",
    "verb": "verb",
}
_CHANNELS: Final = frozenset({"channel", "measures"})
_LEFT_OUT: Final = frozenset({"adviceCode", "organisation", "reasonCodes", "revision", "title"})


@dataclass(frozen=True, slots=True)
class Printed:
    """Something that prints: a text, or parts with labels, or a list, or a table.

    Attributes
    ----------
    kind : {"text", "parts", "list", "table"}
    head : tuple of str
        Labels of a table's columns.
    parts : tuple of (str, Printed)
        With labels; empty ones in a list.
    rows : tuple of tuple of Printed
        Of a table.
    """

    kind: str
    text: str = ""
    head: tuple[str, ...] = ()
    parts: tuple[tuple[str, Printed], ...] = ()
    rows: tuple[tuple[Printed, ...], ...] = ()


def printed(paper: Mapping[str, Any], language: Language) -> Printed:
    """Lay out a paper; its title and organisation stand above it."""
    return _mapping(paper, language, about="")


def _mapping(values: Mapping[str, Any], language: Language, *, about: str) -> Printed:
    named = ((_name(key, language, about), _shown(key, value, language, about)) for key, value in _kept(values))
    return Printed("parts", parts=tuple(named))


def _kept(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(key, value) for key, value in values.items() if key not in _LEFT_OUT]


def _name(key: str, language: Language, about: str) -> str:
    if about == "quality":
        return term("quality", key, language)
    if about == "quantities":
        quantity, _, unit = key.removesuffix(")").partition(" (")
        symbol = unit_symbol(unit, language)
        return f"{channel_name(quantity, language)} ({symbol})" if symbol else channel_name(quantity, language)
    return label(key, language)


def _shown(key: str, value: Any, language: Language, about: str) -> Printed:
    if isinstance(value, Mapping):
        return _mapping(value, language, about=key)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _sequence(key, value, language)
    return Printed("text", _text(key, value, language, about))


def _sequence(key: str, values: Sequence[Any], language: Language) -> Printed:
    if not values:
        return Printed("text", _NONE)
    rows = [value for value in values if isinstance(value, Mapping)]
    if len(rows) == len(values):
        names = [name for name, _ in _kept(rows[0])]
        return Printed(
            "table",
            head=tuple(label(name, language) for name in names),
            rows=tuple(tuple(_shown(name, row.get(name), language, key) for name in names) for row in rows),
        )
    return Printed("list", parts=tuple(("", _shown(key, value, language, key)) for value in values))


def _text(key: str, value: Any, language: Language, about: str) -> str:
    if value is None or value == "":
        return _NONE
    if isinstance(value, bool):
        yes, no = ("ja", "nee") if language is Language.DUTCH else ("yes", "no")
        return yes if value else no
    text = str(value)
    if isinstance(value, float):
        return number(value, language, decimals=_DECIMALS, minimum_decimals=0)
    if key in _TERMS:
        return term(_TERMS[key], text, language)
    if key == "state":
        return term("alarm_state" if about == "alarm" else "state", text, language)
    if key in _CHANNELS:
        return channel_name(text, language)
    if key == "kind":
        return alarm_title(text, language)
    return (unit_symbol(text, language) or _NONE) if key == "unit" else text
