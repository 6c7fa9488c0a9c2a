"""What adds up to an assessment, as texts: causes of the chance, channels of the damage, and what would change it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from api.explaining import say_changes
from api.figures import chance, number, percent, quantity
from api.languages import Language
from api.terms import channel_name, subject_name, term, unit_symbol
from api.texts import text
from domain.explanations import Explanation

__all__ = ["ExplanationRows", "explanation_rows"]

_SAME: Final = 1e-9
_CHANNELS_SHOWN: Final = 12
_LEAST_SHARE: Final = 0.005


@dataclass(frozen=True, slots=True)
class ExplanationRows:
    """An explanation, ready to be laid out.

    Attributes
    ----------
    causes : tuple
        Cause, chance, share, and the share as a number of percent for a bar.
    channels : tuple
        Sensor, what it measures, measured, expected, part.
    is_same : bool
        The numbers computed again are the numbers told.
    """

    causes: tuple[tuple[str, str, str, float], ...]
    channels: tuple[tuple[str, str, str, str, str], ...]
    changes: tuple[str, ...]
    missing: tuple[str, ...]
    is_same: bool


def _cause(cause: str, language: Language) -> str:
    if cause == "unseen":
        return text("what no sensor sees: type, age, inspection", language)
    if cause == "later":
        return text("damage that has not begun yet", language)
    return term("mode", cause, language)


def explanation_rows(explanation: Explanation, language: Language) -> ExplanationRows:
    """Put an explanation into texts; what brings less than half a percent is left out."""
    return ExplanationRows(
        causes=tuple(
            (
                _cause(row.cause, language),
                chance(row.chance, language),
                percent(row.share, language),
                round(100 * row.share, 1),
            )
            for row in explanation.causes
            if row.share >= _LEAST_SHARE
        ),
        channels=tuple(
            (
                row.sensor,
                channel_name(row.channel, language),
                _value(row.measured, row.band, row.unit, language),
                f"{_value(row.expected, row.band, '', language)} ± {_value(row.band, row.band, row.unit, language)}",
                percent(row.contribution if abs(row.contribution) >= _LEAST_SHARE else 0.0, language),
            )
            for row in explanation.channels[:_CHANNELS_SHOWN]
        ),
        changes=tuple(say_changes(explanation, language)),
        missing=tuple(subject_name(name, language) for name in explanation.missing),
        is_same=explanation.difference <= _SAME,
    )


def _value(value: float, band: float, unit: str, language: Language) -> str:
    decimals = 1 if band >= 1 else 2 if band >= 0.1 else 3 if band >= 0.01 else 4  # noqa: PLR2004 -- two digits of the band
    return quantity(number(value, language, decimals=decimals), unit_symbol(unit, language))
