"""Every text of the pages exists in Dutch, and no template holds a word that cannot be translated."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest

import api
from api.figures import _UNITS
from api.languages import Language
from api.sentences import ADVICE_SENTENCES, CASE_SENTENCES, EXPLANATION_SENTENCES, ONE_SENTENCES, REASON_SENTENCES
from api.terms import TERMS
from api.texts import CATALOGUE, plural, text

ROOM = Path(api.__file__).parent
TEMPLATES = sorted((ROOM / "templates").glob("*.html"))
SOURCES = sorted(ROOM.rglob("*.py"))
# Functions of `api.texts` whose first argument is a message.
ASKING = {"text", "plural", "say", "marked"}
# Names and signs that are the same in every language.
SAME_EVERYWHERE = {"Schouw", "NEN 2767", "json", "JSON", "CSV", "iCal", "XLSX", "English", "Nederlands"}


def template_messages(path: Path) -> Iterator[tuple[str, str]]:
    """Give context and message of each text that a template asks for."""
    tree = jinja2.Environment(autoescape=True).parse(path.read_text(encoding="utf-8"))
    for call in tree.find_all(jinja2.nodes.Call):
        if isinstance(call.node, jinja2.nodes.Name) and call.node.name in {"_", "count_of"}:
            context = next((word.value.as_const() for word in call.kwargs if word.key == "context"), "")
            yield context, call.args[0].as_const()


def source_messages(path: Path) -> Iterator[tuple[str, str]]:
    """Give context and message of each text that a module asks for by a literal."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in ASKING:
            continue
        first = node.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            context = next((word.value for word in node.keywords if word.arg == "context"), None)
            yield str(context.value) if isinstance(context, ast.Constant) else "", first.value


def all_messages() -> dict[tuple[str, str], str]:
    """Give every message with where it is used."""
    found: dict[tuple[str, str], str] = {}
    for path in TEMPLATES:
        found |= dict.fromkeys(template_messages(path), path.name)
    for path in SOURCES:
        found |= dict.fromkeys(source_messages(path), path.name)
    for group, words in TERMS.items():
        found |= {(group, word): "terms.py" for word in words.values()}
    # Of a message with two forms the catalogue is asked for the first.
    manies = {many for one, many in _UNITS.values()}
    found = {key: where for key, where in found.items() if key[1] not in manies}
    found |= {("reason", sentence): "sentences.py" for sentence in REASON_SENTENCES.values()}
    found |= {("reason", sentence): "sentences.py" for _, sentence in ONE_SENTENCES.values()}
    found |= {("reason", sentence): "sentences.py" for sentence in CASE_SENTENCES.values()}
    found |= {("advice", sentence): "sentences.py" for sentence in ADVICE_SENTENCES.values()}
    found |= {("explanation", sentence): "sentences.py" for sentence in EXPLANATION_SENTENCES.values()}
    return found


def entry(key: tuple[str, str], where: str) -> str:
    context, message = key
    quoted = message.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return "\n".join(
        ([f'msgctxt "{context}"'] if context else []) + [f'msgid "{quoted}"', f'msgstr ""  <- used in {where}']
    )


def test_every_text_has_a_dutch_translation() -> None:
    missing = [entry(key, where) for key, where in all_messages().items() if key not in CATALOGUE[Language.DUTCH]]
    assert not missing, "add to api/translations/nl.po:\n\n" + "\n\n".join(missing)


def test_the_catalogue_holds_nothing_that_is_not_used() -> None:
    unused = set(CATALOGUE[Language.DUTCH]) - set(all_messages())
    assert not unused


def test_a_translation_has_the_facts_of_its_message() -> None:
    for (_, message), forms in CATALOGUE[Language.DUTCH].items():
        wanted = {name for _, name, _, _ in string.Formatter().parse(message) if name}
        for form in forms:
            assert {name for _, name, _, _ in string.Formatter().parse(form) if name} | {"count"} == wanted | {"count"}


def bare_words(template: str) -> set[str]:
    """Find text between tags, or in an attribute that people read, that no `_` stands around."""
    plain = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", template, flags=re.DOTALL)
    read_attributes = re.findall(r'\s(?:alt|title|placeholder|aria-label|data-label|content)="([^"]*)"', plain)
    between = re.sub(r"<(script|style)\b.*?</\1>", "", plain, flags=re.DOTALL)
    pieces = re.findall(r">([^<]*)<", f">{between}<") + read_attributes
    return {piece.strip() for piece in pieces if re.search(r"[^\W\d_]{2,}", piece)}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_words_of_its_own(path: Path) -> None:
    words = bare_words(path.read_text(encoding="utf-8"))
    settings = {"width=device-width, initial-scale=1", "light dark", "0; url="}
    assert {word for word in words - settings if not any(same in word for same in SAME_EVERYWHERE)} - {
        "…/risk/history",
        "…/series",
    } == set()


def test_the_search_for_bare_words_finds_them() -> None:
    assert bare_words('<p>Hello {{ name }}</p><img alt="A bridge">') == {"Hello", "A bridge"}
    assert bare_words('<p>{{ _("Hello") }} – {% if a %}·{% endif %}</p>') == set()


def test_what_has_no_translation_is_shown_in_english() -> None:
    assert text("No such text {fact}", Language.DUTCH, fact=3) == "No such text 3"
    assert plural("{count} owl", "{count} owls", 2, Language.DUTCH) == "2 owls"
