"""Which language an answer is in: what the address asks for, then what the caller prefers.

`Accept-Language` is read as RFC 9110 section 12.5.4 has it, with its quality values. Only the first
part of a tag counts: `nl-BE` is Dutch.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Language", "choose_language"]


class Language(StrEnum):
    """Languages that every sentence exists in."""

    ENGLISH = "en"
    DUTCH = "nl"


def choose_language(asked: Language | None, accepted: str | None, default: Language) -> Language:
    """Choose the language of an answer.

    Parameters
    ----------
    asked : Language or None
        The `lang` of the query; wins when given.
    accepted : str or None
        The `Accept-Language` header.

    Examples
    --------
    >>> choose_language(None, "fr, nl-BE;q=0.8, en;q=0.5", Language.ENGLISH).value
    'nl'
    """
    if asked is not None:
        return asked
    best, best_quality = default, 0.0
    for part in (accepted or "")[:500].split(","):
        tag, _, parameters = part.strip().partition(";")
        quality = _quality(parameters)
        for language in Language:
            if tag.strip().lower().split("-")[0] == language and quality > best_quality:
                best, best_quality = language, quality
    return best


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if not name:
        return 1.0
    try:
        quality = float(value) if name.strip().lower() == "q" else 0.0
    except ValueError:
        return 0.0
    return quality if 0.0 <= quality <= 1.0 else 0.0
