"""What all pages share: the question, the language, addresses that keep it, and the frame around the content."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from api.access import READING
from api.figures import local_time
from api.languages import Language, choose_language
from api.pages.decide_form import caller_of
from api.questions import Question
from api.rooms import ApiRooms, Readiness
from api.terms import term
from api.texts import capital, marked, plural, speaker, text
from api.times import rfc3339
from domain.identifiers import AssetId

__all__ = ["PageQuestion", "address", "asset_names", "bare_html", "page_language", "render", "render_bare"]

_TEMPLATES: Final = Path(__file__).parents[1] / "templates"
# Address and name of each page of the menu, in its order; the last is for everybody.
_MENU: Final = (
    ("/", marked("Morning list")),
    ("/map", marked("Map")),
    ("/matrix", marked("Risk matrix")),
    ("/alarms", marked("Alarms and decisions")),
    ("/work", marked("Work list")),
    ("/sensors", marked("Sensors and gateways")),
    ("/report", marked("Report")),
    ("/about", marked("How it works")),
)

# What it means for who reads a page that a part is away; the operator's own detail stands behind it, in English.
_EFFECTS: Final = {
    "broker": marked("New readings do not come in for now; gateways that keep theirs send them later."),
    "commit": marked("New readings are not stored for now; the broker holds them."),
    "ingest": marked("New readings are not taken in for now."),
    "journal": marked("Decisions cannot be recorded for now."),
    "operational store": marked("Assessments and alarms may be old or missing."),
    "projection: operational store": marked("Assessments and alarms stand still for now; they are caught up later."),
    "projection: projections": marked("Assessments, alarms and charts stand still for now; they are caught up later."),
    "projection: time series": marked("Charts stand still for now; they are caught up later."),
}


# The same while the service starts.
_STARTS: Final = {
    "ingest": marked("It loads what it knew. New readings are taken in after that; the broker holds them meanwhile."),
    "broker": marked("It is asked as soon as the intake of readings has started."),
}


class PageQuestion(Question):
    """What every page may be asked."""

    lang: Language | None = None


def _environment(language: Language) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def count_of(one: str, many: str, count: int, /, **facts: object) -> str:
        return plural(one, many, count, language, **facts)

    environment.globals |= {"_": speaker(language), "count_of": count_of}
    return environment


_environments: Final = {language: _environment(language) for language in Language}


def page_language(request: Request, question: PageQuestion) -> Language:
    """Choose the language of a page: what its address asks for, then what the browser prefers, then Dutch."""
    return choose_language(question.lang, request.headers.get("accept-language"), Language.DUTCH)


def address(path: str, question: PageQuestion, **changes: object) -> str:
    """Give the address of a page with the same question but for `changes`; defaults are left out."""
    asked = {name: getattr(question, name) for name in type(question).model_fields} | changes
    pairs: list[tuple[str, str]] = []
    for name, value in asked.items():
        if isinstance(value, list | tuple):
            pairs.extend((name, str(item)) for item in value)
        elif value is True:
            pairs.append((name, "true"))
        elif value not in {None, False, ""}:
            pairs.append((name, str(value)))
    return f"{path}?{urlencode(pairs)}" if pairs else path


def render(
    template: str,
    request: Request,
    rooms: ApiRooms,
    question: PageQuestion,
    *,
    status: int = 200,
    **values: Any,
) -> Response:
    """Lay out one page in its frame."""
    language = page_language(request, question)
    other = Language.ENGLISH if language is Language.DUTCH else Language.DUTCH
    path = request.url.path
    here = str(values.pop("here", path))
    # As it was when a page that follows changes began to be read; see `api.pages.live`.
    readiness = getattr(request.state, "readiness", None) or rooms.readiness()
    caller = caller_of(request)
    may_read = caller is not None and all(map(caller.may, READING))
    made_ns = rooms.wall_clock_ns()

    def link(target: str, **asked: object) -> str:
        return address(target, PageQuestion(lang=question.lang), **asked)

    html = (
        _environments[language]
        .get_template(template)
        .render(
            lang=language.value,
            asked_lang=question.lang,
            here=here,
            # A form that came back stands at the address that took it, where there is no page to ask for.
            page_at="" if request.method == "GET" else address(here, question),
            live_mark=getattr(request.state, "live_mark", ""),
            other_lang=other.value,
            other_language=address(here, question, lang=other),
            menu=[
                (link(target), text(name, language), target == path)
                for target, name in _MENU
                if may_read or target == _MENU[-1][0]
            ],
            who=caller,
            made_at=local_time(made_ns, language),
            made_at_iso=rfc3339(made_ns),
            demo=rooms.settings.demo,
            has_theme=bool(rooms.settings.theme_css),
            logo="/static/logo" if rooms.settings.logo else "/static/schouw.svg",
            organisation=rooms.settings.organisation,
            contact_name=rooms.settings.contact_name,
            contact_email=rooms.settings.contact_email,
            troubles=_troubles(readiness, language),
            starts=all(part.ok or part.starts for part in readiness.parts),
            link=link,
            **values,
        )
    )
    headers = {"Content-Language": language.value, "Vary": "Accept-Language"}
    return Response(html, status_code=status, media_type="text/html; charset=utf-8", headers=headers)


def _troubles(readiness: Readiness, language: Language) -> list[tuple[str, str, str, str]]:
    """Give what is away: its name, since when, what that means, and the detail for the operator.

    Also of a service that is ready: what stands still while what there is can be served is old to who reads it.
    """
    return [
        (
            capital(term("part", part.name, language)),
            "" if part.since_ns is None else local_time(part.since_ns, language),
            text(effects[part.name], language) if part.name in effects else "",
            part.detail,
        )
        for part in readiness.parts
        if not part.ok
        for effects in (_EFFECTS | _STARTS if part.starts else _EFFECTS,)
    ]


def render_bare(template: str, language: Language, *, status: int = 200, **values: Any) -> Response:
    """Lay out a page outside the frame, for those who are not logged in and for print."""
    headers = {"Content-Language": language.value, "Vary": "Accept-Language"}
    html = bare_html(template, language, **values)
    return Response(html, status_code=status, media_type="text/html; charset=utf-8", headers=headers)


def bare_html(template: str, language: Language, **values: Any) -> str:
    """Lay out a page outside the frame, as text."""
    return _environments[language].get_template(template).render(lang=language.value, **values)


def asset_names(rooms: ApiRooms, assets: Iterable[AssetId]) -> dict[AssetId, str]:
    """Name assets; one that left the register keeps its identifier."""
    found = {}
    for identifier in dict.fromkeys(assets):
        asset = rooms.store.asset(identifier)
        found[identifier] = identifier if asset is None else asset.name
    return found
