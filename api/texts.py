"""Texts in the reader's language: English stands in the code, Dutch in `translations/nl.po`.

The catalogue is in gettext's format and is read with Babel when the program starts, so there is nothing to
compile. A message is looked up by its English text and, where one word has two meanings, its context. Facts
stand in braces (`{count}`). What has no translation is shown in English; a test names every such message.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from babel.messages.pofile import read_po

from api.languages import Language

__all__ = ["CATALOGUE", "capital", "marked", "plural", "speaker", "text"]

_FOLDER: Final = Path(__file__).parent / "translations"


def _read(language: Language) -> dict[tuple[str, str], tuple[str, ...]]:
    """Read one catalogue: context and message to the forms of its translation."""
    with (_FOLDER / f"{language.value}.po").open("rb") as lines:
        catalogue = read_po(lines, locale=language.value, abort_invalid=True)
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for message in catalogue:
        one = message.id if isinstance(message.id, str) else message.id[0]
        said = message.string or ""
        forms = (said,) if isinstance(said, str) else tuple(said)
        if one and all(forms) and not message.fuzzy:
            found[message.context or "", one] = forms
    return found


# Read once: it is part of the program, and a broken file shows at start instead of on a page.
CATALOGUE: Final = {Language.ENGLISH: {}, Language.DUTCH: _read(Language.DUTCH)}


def text(message: str, language: Language, *, context: str = "", **facts: object) -> str:
    """Give a message in a language, with its facts filled in.

    Examples
    --------
    >>> text("Remaining life", Language.DUTCH)
    'Resterende levensduur'
    """
    forms = CATALOGUE[language].get((context, message))
    said = message if forms is None else forms[0]
    return said.format(**facts) if facts else said


def plural(one: str, many: str, count: int, language: Language, /, **facts: object) -> str:
    """Give the form of a message that fits a count; `{count}` stands for the count itself.

    Examples
    --------
    >>> plural("{count} alarm", "{count} alarms", 1, Language.ENGLISH)
    '1 alarm'
    """
    forms = CATALOGUE[language].get(("", one), (one, many))
    said = forms[0] if count == 1 else forms[-1]
    return said.format(**({"count": count} | facts))


def capital(words: str) -> str:
    """Begin words with a capital, and leave the rest as it is.

    Examples
    --------
    >>> capital("trilling (RMS)")
    'Trilling (RMS)'
    """
    return words[:1].upper() + words[1:]


def marked(message: str) -> str:
    """Mark a message in a table, to be given in a language later; the test of the catalogue finds it by this call."""
    return message


def speaker(language: Language) -> Callable[..., str]:
    """Give `text` bound to one language: what templates call `_`."""

    def say(message: str, /, *, context: str = "", **facts: object) -> str:
        return text(message, language, context=context, **facts)

    return say
