"""The morning list: what to look at first, why, and how sure that is."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import BeforeValidator, Field

from api.access import reads_pages
from api.figures import euros, number, percent
from api.languages import Language
from api.page_rows import risk_row
from api.pages.frame import PageQuestion, address, page_language, render
from api.pages.live import follows
from api.pages.promise import promise_texts
from api.pages.savings import savings_eur
from api.paging import next_cursor, read_page
from api.questions import Printable, Rooms
from api.rooms import ApiRooms
from api.terms import term
from api.texts import text
from domain.measurements import DataQuality
from domain.records import RiskState
from domain.register import AssetType
from storage.overview_rows import FleetTally, ListFilter
from storage.protocols import RankKey

__all__ = ["router"]

router = APIRouter(include_in_schema=False, dependencies=[*reads_pages(), follows()])

# What a reader takes in at once, and what keeps the page under 150 kB.
_ROWS: Final = 50
_UNASSESSED_SHOWN: Final = 50
_TREND_NS: Final = 30 * 86_400_000_000_000
_SEARCH_CHARACTERS: Final = 100


def _chosen(value: object) -> object:
    """Read a choice of a form: what was not chosen comes as an empty text."""
    return None if value == "" else value


def _spaced(value: object) -> object:
    """Read what was pasted: a tab or a space that does not break is a space."""
    return "".join(" " if sign.isspace() else sign for sign in value) if isinstance(value, str) else value


class ListQuestion(PageQuestion):
    """What the morning list may be asked."""

    state: Annotated[list[RiskState], Field(max_length=len(RiskState), default_factory=list)]
    type: Annotated[AssetType | None, BeforeValidator(_chosen)] = None
    data: Annotated[DataQuality | None, BeforeValidator(_chosen)] = None
    q: Annotated[Printable, BeforeValidator(_spaced), Field(max_length=_SEARCH_CHARACTERS)] = ""
    cursor: str | None = None


@router.get("/")
def show_list(request: Request, rooms: Rooms, question: Annotated[ListQuestion, Query()]) -> Response:
    """Show the ranked list."""
    language = page_language(request, question)
    wanted = ListFilter(
        states=tuple(dict.fromkeys(question.state)),
        types=() if question.type is None else (question.type,),
        qualities=() if question.data is None else (question.data,),
        text=question.q.strip(),
    )
    scope = " ".join(["page", *sorted(wanted.states), question.type or "", question.data or "", wanted.text])
    page = read_page(RankKey, question.cursor, min(_ROWS, rooms.settings.page_size_default), scope=scope)
    found = rooms.overview.ranked(wanted, after=page.after, limit=page.limit)
    now_ns = rooms.now_ns()
    shown = found[: page.size]
    before = rooms.overview.earlier([asset.id for _, asset, _ in shown], now_ns - _TREND_NS)
    cursor = next_cursor(found, page, lambda row: row[0])
    tally = rooms.overview.tally()
    asks_for_them = wanted.qualities in {(), (DataQuality.NONE,)} and not wanted.states
    missing = rooms.overview.unassessed(wanted, limit=_UNASSESSED_SHOWN) if cursor is None and asks_for_them else ()
    is_full = len(missing) == _UNASSESSED_SHOWN
    return render(
        "list.html",
        request,
        rooms,
        question,
        rows=[risk_row(asset, risk, language, now_ns, before=before.get(asset.id)) for _, asset, risk in shown],
        figures=_figures(tally, rooms, language),
        total=tally.assets,
        total_text=number(tally.assets, language),
        chips=_chips(question, tally, language),
        types=[(kind.value, term("asset_type", kind, language)) for kind in AssetType],
        qualities=[(quality.value, term("quality", quality, language)) for quality in DataQuality],
        asked=question,
        is_narrowed=bool(wanted.states or wanted.types or wanted.qualities or wanted.text),
        first_page=None if question.cursor is None else address("/", question, cursor=None),
        next_page=None if cursor is None else address("/", question, cursor=cursor),
        unassessed=[(asset.id, asset.name, term("asset_type", asset.type, language)) for asset in missing],
        unassessed_more=rooms.overview.unassessed_count(wanted) - len(missing) if is_full else 0,
        rules=[(state, term("state", state, language), _rule(state, language)) for state in RiskState],
    )


def _chips(question: ListQuestion, tally: FleetTally, language: Language) -> list[tuple[str, str, str, bool]]:
    """Give the filters by state: address, name, count, chosen."""
    everything = (
        address("/", question, state=[], cursor=None),
        text("All", language),
        number(tally.assets - tally.unassessed, language),
        not question.state,
    )
    return [
        everything,
        *(
            (
                address("/", question, state=[state], cursor=None),
                term("state", state, language),
                number(tally.states.get(state, 0), language),
                question.state == [state],
            )
            for state in RiskState
        ),
    ]


def _figures(tally: FleetTally, rooms: ApiRooms, language: Language) -> dict[str, str]:
    """Give the key figures as texts; empty where nothing can be said yet."""
    saved = savings_eur(rooms)
    blind = tally.unseen
    return {
        "alarms": number(tally.open_condition_alarms, language),
        "other_alarms": number(tally.open_other_alarms, language),
        "false_alarms": number(tally.false_alarms, language),
        **promise_texts(rooms, tally, language),
        "blind": number(blind, language),
        "blind_share": percent(blind / tally.assets, language) if tally.assets else "",
        "saved": "" if saved is None else euros(saved, language),
    }


def _rule(state: RiskState, language: Language) -> str:
    match state:
        case RiskState.ACT:
            return text(
                "an alarm about the condition is open, or waiting costs more than a set share of the planned repair.",
                language,
            )
        case RiskState.WATCH:
            return text("signs of damage are growing, but not yet enough for an alarm.", language)
        case RiskState.INSUFFICIENT_DATA:
            return text("the sensors do not tell enough. This does not mean that all is well.", language)
        case RiskState.OK:
            return text("measured, and as expected.", language)
