"""Reasons and advice in words: a code and its facts become one short sentence.

Models give codes and facts (`domain.records.Reason`) and know no language; here each fact is written
as the reader writes it and put into the sentence of its code. A code or fact that this version does
not know gives a plain listing instead of nothing: an advice is never without its reason.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from api.figures import euros, long_date, number, percent, span
from api.languages import Language
from api.sentences import ADVICE_SENTENCES, CASE_SENTENCES, ONE_SENTENCES, REASON_SENTENCES
from api.terms import alarm_title, channel_name, term, unit_symbol
from api.texts import capital, plural, text
from domain.measurements import DataQuality
from domain.records import Reason, RiskAssessment, RiskState

__all__ = ["say_advice", "say_advice_of", "say_reason", "say_reasons"]

Fact = str | float | int

_OPTIONAL: Final = re.compile(r"\[([^\[\]]*)\]")
_FIELD: Final = re.compile(r"\{(\w+)\}")
_SPACES: Final = re.compile(r" {2,}")
_GAP: Final = re.compile(r" (?=[.;,])")
_SHARES: Final = frozenset({"per_30_days", "severity", "share", "share_of_alarm"})
# What is written as 0%.
_LEAST_SHARE: Final = 0.005
_HOURS_PER_DAY: Final = 24.0
# What is compared in one sentence has as many decimals as its band.
_COMPARED: Final = frozenset({"band", "expected", "expected_corrected", "measured", "percent"})


def say_reasons(reasons: Sequence[Reason], language: Language) -> list[str]:
    """Put all reasons into words, in their order."""
    return [say_reason(reason, language) for reason in reasons]


def say_reason(reason: Reason, language: Language) -> str:
    """Put one reason into a sentence.

    Examples
    --------
    >>> say_reason(Reason("sensor_silent", {"sensor": "t1", "channel": "", "days": 3.2}), Language.ENGLISH)
    'Sensor t1 has been silent for 3 days.'
    >>> say_reason(Reason("a_new_code", {"depth_mm": 2.5}), Language.DUTCH)
    'A new code (depth mm: 2,5).'
    """
    return _said(reason.code, tuple(reason.facts.items()), language)


@functools.lru_cache(maxsize=8192)
def _said(code: str, facts: tuple[tuple[str, Fact], ...], language: Language) -> str:
    """Put it together; kept, because most reasons of a list stay as they are from one answer to the next."""
    reason = Reason(code, dict(facts))
    sentence = REASON_SENTENCES.get(code)
    if sentence is None:
        return _listing(reason, language)
    case = _case_of(reason)
    if case is not None:
        sentence, reason = CASE_SENTENCES[case], _without_signs(reason)
    counted, one = ONE_SENTENCES.get(code, ("", ""))
    template = text(one if reason.facts.get(counted) in {1, -1} else sentence, language, context="reason")
    known = {key: _written(key, value, reason, language) for key, value in reason.facts.items() if value != ""}
    # A number and its unit stay on one line.
    template = template.replace(" °C", "\N{NO-BREAK SPACE}°C")
    if known.get("unit"):
        template = template.replace(" {unit}", "{unit}" if known["unit"] == "%" else "\N{NO-BREAK SPACE}{unit}")
    kept = _OPTIONAL.sub(lambda part: part[1] if set(_FIELD.findall(part[1])) <= known.keys() else "", template)
    if not set(_FIELD.findall(kept)) <= known.keys():
        return _listing(reason, language)
    return _sentence(_FIELD.sub(lambda name: known[name[1]], kept))


def _case_of(reason: Reason) -> str | None:
    """Tell which of `CASE_SENTENCES` a reason takes in place of its own sentence."""
    if reason.code == "alarm_open":
        return "alarm_raised_now" if reason.facts.get("days") == 0.0 else None
    if reason.code != "trend_to_threshold":
        return None
    severity, growth = (float(reason.facts.get(fact, 1.0)) for fact in ("severity", "per_30_days"))
    if severity < _LEAST_SHARE:
        return "trend_at_nothing"
    if growth <= -_LEAST_SHARE:
        return "trend_back"
    return "trend_flat" if growth < _LEAST_SHARE else None


def _without_signs(reason: Reason) -> Reason:
    """Leave the direction of a growth to the sentence."""
    growth = reason.facts.get("per_30_days")
    return reason if growth is None else Reason(reason.code, {**reason.facts, "per_30_days": abs(float(growth))})


def say_advice(code: str, language: Language) -> str:
    """Put an advice into a sentence; a code without one as plain text."""
    sentence = ADVICE_SENTENCES.get(code)
    return _sentence(f"{code.replace('_', ' ')}.") if sentence is None else text(sentence, language, context="advice")


def say_advice_of(risk: RiskAssessment, language: Language) -> str:
    """Say what to do; where nothing else is wrong but sensors fail, they are what to look at.

    A sensor that is silent or not sound is among the reasons; the others may tell enough for fair data.
    """
    said = say_advice(risk.advice, language)
    if risk.state is not RiskState.OK:
        return said
    if risk.data_quality in {DataQuality.LOW, DataQuality.NONE}:
        checked = text("Have the sensors checked: their data are poor.", language)
        rest = text("As far as they tell, there is nothing else to do.", language)
    elif any(reason.code.startswith(("sensor_", "climate_sensor_")) for reason in risk.reasons):
        checked = text("Have the sensors checked: not all of them send sound data.", language)
        rest = text("As far as the others tell, there is nothing else to do.", language)
    else:
        return said
    return f"{checked} {rest}" if risk.advice == "none" else f"{said} {checked}"


def _written(key: str, value: Fact, reason: Reason, language: Language) -> str:
    if isinstance(value, str):
        return _written_text(key, value, reason.code, language)
    if key.endswith("_eur"):
        return euros(value, language)
    if key in _SHARES:
        return percent(value, language)
    if key == "days":
        return span(float(value), language)
    if key == "hours":
        return span(value / _HOURS_PER_DAY, language)
    if key == "age_years":
        return plural("{count} year", "{count} years", round(value), language, count=number(value, language))
    if key.endswith("_degc"):
        return number(value, language, decimals=1)
    decimals = _decimals(value, reason.facts)
    is_compared = key in _COMPARED and "band" in reason.facts
    return number(value, language, decimals=decimals, minimum_decimals=decimals if is_compared else 0)


def _written_text(key: str, value: str, code: str, language: Language) -> str:
    match key:
        case "channel" | "towards" | "away":
            return channel_name(value, language)
        case "unit":
            return unit_symbol(value, language)
        case "kind":
            return term("works", value, language) if code.startswith("works_") else alarm_title(value, language)
        case "asset_type":
            return term("asset_type", value, language).lower()
        case "mode" | "verb":
            return term(key, value, language)
        case "other_mode":
            return term("mode", value, language)
        case "inspected_on" | "since":
            return _date(value, language)
        case _:
            return value


def _date(value: str, language: Language) -> str:
    try:
        return long_date(date.fromisoformat(value), language)
    except ValueError:
        return value


def _decimals(value: float, facts: Mapping[str, Fact]) -> int:
    """Two significant digits of the band where there is one, else four of the value itself."""
    band = facts.get("band")
    size, digits = (band, 1) if isinstance(band, int | float) and band > 0 else (abs(value), 3)
    if not math.isfinite(size) or size == 0:
        return 0
    return min(max(digits - math.floor(math.log10(size)), 0), 9)


def _listing(reason: Reason, language: Language) -> str:
    facts = ", ".join(
        f"{key.replace('_', ' ')}: {value if isinstance(value, str) else _written('', value, reason, language)}"
        for key, value in reason.facts.items()
    )
    return _sentence(f"{reason.code.replace('_', ' ')} ({facts})." if facts else f"{reason.code.replace('_', ' ')}.")


def _sentence(text: str) -> str:
    tidy = _GAP.sub("", _SPACES.sub(" ", text)).strip()  # a bare ratio has no unit to stand before the comma
    return capital(tidy)
