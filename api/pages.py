"""The pages a planner reads: the ranked list and one structure, rendered on the server, without scripts.

A page reloads by itself only when its reader asked for that, because a page that moves under a screen
reader cannot be read (WCAG 2.2.1). All words come from `api.labels`, `api.terms` and `api.wording`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from pydantic import Field

from api.conditional import revalidated
from api.figures import euros, local_time, number
from api.labels import LABELS
from api.languages import Language, choose_language
from api.page_rows import alarm_row, day, decision_row, risk_row, sensor_row, state_counts
from api.paging import next_cursor, read_page
from api.questions import AssetPath, Question, Rooms, registered
from api.rooms import ApiRooms
from api.terms import term
from domain.identifiers import AssetId
from domain.records import RiskState
from domain.register import Asset
from storage.protocols import RankKey

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_ROOM: Final = Path(__file__).parent
_STATIC_TYPES: Final = {"schouw.css": "text/css", "schouw.svg": "image/svg+xml"}
_REFRESH_SECONDS: Final = 60
# What one screen of an asset can hold; the API pages through the rest.
_ALARMS_SHOWN: Final = 50
_SENSORS_SHOWN: Final = 200
_DECISIONS_SHOWN: Final = 20
_WALK: Final = 500

_templates: Final = Environment(
    loader=FileSystemLoader(_ROOM / "templates"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class PageQuestion(Question):
    """What every page may be asked."""

    lang: Language | None = None
    refresh: bool = False


class ListQuestion(PageQuestion):
    """What the ranked list may be asked."""

    state: Annotated[list[RiskState], Field(max_length=len(RiskState), default_factory=list)]
    cursor: str | None = None


@router.get("/")
def show_list(request: Request, rooms: Rooms, question: Annotated[ListQuestion, Query()]) -> Response:
    """Show the ranked list."""
    language = _page_language(request, question)
    states = tuple(dict.fromkeys(question.state))
    scope = " ".join(["page", *sorted(states)])
    page = read_page(RankKey, question.cursor, rooms.settings.page_size_default, scope=scope)
    found = rooms.store.risks(after=page.after, limit=page.limit, states=states)
    now_ns = rooms.now_ns()
    rows = [risk_row(asset, risk, language, now_ns) for _, asset, risk in found[: page.size]]
    cursor = next_cursor(found, page, lambda row: row[0])
    unassessed = _unassessed(rooms) if cursor is None and not states else []
    whole = cursor is None and question.cursor is None and not states
    return _render(
        "list.html",
        request,
        rooms,
        question,
        rows=rows,
        counts=[(state, term("state", state, language), count) for state, count in state_counts(rows).items()]
        if whole
        else [],
        total=LABELS[language]["total"].format(count=number(len(rows) + len(unassessed), language)) if whole else "",
        filters=[
            (_address("/", question, state=chosen, cursor=None), label, states == tuple(chosen))
            for chosen, label in [
                ([], LABELS[language]["all_states"]),
                *(([state], term("state", state, language)) for state in RiskState),
            ]
        ],
        next_page=None if cursor is None else _address("/", question, cursor=cursor),
        unassessed=[(asset.id, asset.name, term("asset_type", asset.type, language)) for asset in unassessed],
        rules=[
            (state, term("state", state, language), LABELS[language][f"rule_{state.value.replace('-', '_')}"])
            for state in RiskState
        ],
    )


@router.get("/assets/{asset_id}")
def show_asset_page(
    request: Request, rooms: Rooms, asset_id: AssetPath, question: Annotated[PageQuestion, Query()]
) -> Response:
    """Show one structure: why it stands where it stands, its alarms and its newest values."""
    language = _page_language(request, question)
    asset = registered(asset_id, rooms)
    risk = rooms.store.risk(asset.id)
    now_ns = rooms.now_ns()
    return _render(
        "asset.html",
        request,
        rooms,
        question,
        asset=asset,
        type=term("asset_type", asset.type, language),
        facts=_facts(asset, language),
        risk=None if risk is None else risk_row(asset, risk, language, now_ns),
        alarms=[alarm_row(alarm, language) for alarm in rooms.store.alarms(asset=asset.id, limit=_ALARMS_SHOWN)],
        sensors=[
            sensor_row(status, language, now_ns) for status in rooms.store.sensors(asset=asset.id, limit=_SENSORS_SHOWN)
        ],
        decisions=[
            decision_row(decision, language)
            for decision in rooms.decisions.decisions(asset=asset.id, limit=_DECISIONS_SHOWN)
        ],
    )


def _static(name: str) -> tuple[bytes, str, str]:
    content = (_ROOM / "static" / name).read_bytes()
    return content, _STATIC_TYPES[name], f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'


# Read once: they are part of the program, and a missing file shows at start instead of in a browser.
_STATIC: Final = {name: _static(name) for name in _STATIC_TYPES}


@router.get("/static/schouw.css")
def show_style(request: Request) -> Response:
    """Give the style sheet."""
    return _static_response(request, "schouw.css")


@router.get("/static/schouw.svg")
def show_icon(request: Request) -> Response:
    """Give the icon."""
    return _static_response(request, "schouw.svg")


def _static_response(request: Request, name: str) -> Response:
    content, media_type, tag = _STATIC[name]
    unchanged = revalidated(request, tag)
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    return unchanged or Response(content, media_type=media_type, headers=headers)


def _page_language(request: Request, question: PageQuestion) -> Language:
    return choose_language(question.lang, request.headers.get("accept-language"), Language.DUTCH)


def _render(template: str, request: Request, rooms: ApiRooms, question: PageQuestion, **values: Any) -> Response:
    language = _page_language(request, question)
    other = Language.ENGLISH if language is Language.DUTCH else Language.DUTCH
    path = request.url.path
    readiness = rooms.readiness()

    def link(target: str) -> str:
        return _address(target, PageQuestion.model_validate({"lang": question.lang, "refresh": question.refresh}))

    html = _templates.get_template(template).render(
        t=LABELS[language],
        lang=language.value,
        other_lang=other.value,
        other_language=_address(path, question, lang=other),
        refresh=_REFRESH_SECONDS if question.refresh else None,
        toggle_refresh=_address(path, question, refresh=not question.refresh),
        made_at=LABELS[language]["updated"].format(time=local_time(rooms.now_ns(), language)),
        demo=rooms.settings.demo,
        organisation=rooms.settings.organisation,
        contact_name=rooms.settings.contact_name,
        contact_email=rooms.settings.contact_email,
        troubles=[] if readiness.ready else [part for part in readiness.parts if not part.ok],
        ready=readiness.ready,
        link=link,
        **values,
    )
    headers = {"Content-Language": language.value, "Vary": "Accept-Language"}
    return Response(html, media_type="text/html; charset=utf-8", headers=headers)


def _address(path: str, question: PageQuestion, **changes: object) -> str:
    """Give the address of a page with the same question but for `changes`; defaults are left out."""
    asked = {name: getattr(question, name) for name in type(question).model_fields} | changes
    pairs: list[tuple[str, str]] = []
    for name, value in asked.items():
        if isinstance(value, list):
            pairs.extend((name, str(item)) for item in value)
        elif value is True:
            pairs.append((name, "true"))
        elif value not in {None, False}:
            pairs.append((name, str(value)))
    return f"{path}?{urlencode(pairs)}" if pairs else path


def _unassessed(rooms: ApiRooms) -> list[Asset]:
    """Find the assets of the register without an assessment, by walking both lists."""
    assessed: set[AssetId] = set()
    key: RankKey | None = None
    while ranked := rooms.store.risks(after=key, limit=_WALK):
        assessed.update(asset.id for _, asset, _ in ranked)
        key = ranked[-1][0]
    missing: list[Asset] = []
    after: str | None = None
    while assets := rooms.store.assets(after=after, limit=_WALK):
        missing.extend(asset for asset in assets if asset.id not in assessed)
        after = assets[-1].id
    return missing


def _facts(asset: Asset, language: Language) -> list[tuple[str, str]]:
    """List what the register says, where it says it."""
    labels = LABELS[language]
    cost = asset.planned_repair_cost_eur
    inspected = asset.condition_inspected
    shown = [
        (labels["built"], "" if asset.built_year is None else str(asset.built_year)),
        (labels["planned_cost"], "" if cost is None else euros(cost, language)),
        (
            labels["condition"],
            "" if inspected is None else f"{inspected} ({labels['inspected']} {day(asset.inspected_on, language)})",
        ),
        *asset.external_ids.items(),
    ]
    return [(name, text) for name, text in shown if text]
