"""What callers may ask: query parameters, identifiers in paths, and the rooms a route works with.

Query keys are camelCase and closed: a key that does not exist is refused, because a filter that is
silently ignored gives an answer that looks right and is not. What else a query may not be is `api.whole_query`.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from fastapi import Depends, Header, Path, Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from api.access import own_rooms
from api.languages import Language, choose_language
from api.problems import not_found
from api.rooms import ApiRooms
from api.times import parse_time_ns
from domain.identifiers import ID_PATTERN, AssetId, is_identifier
from domain.records import AlarmState, RiskState
from domain.register import Asset

__all__ = [
    "BOX_PATTERN",
    "REPEATED",
    "AlarmQuery",
    "AlgorithmQuery",
    "AnswerLanguage",
    "AssetPath",
    "AssetQuery",
    "DecisionQuery",
    "EventQuery",
    "ExplanationQuery",
    "FeatureQuery",
    "ItemPath",
    "ItemQuery",
    "LanguageQuery",
    "ListQuery",
    "ModeQuery",
    "PageQuery",
    "PlanQuery",
    "Question",
    "RiskHistoryQuery",
    "RiskQuery",
    "Rooms",
    "SeriesQuery",
    "SpokenQuery",
    "known_item",
    "page_size",
    "registered",
]

_ITEM_CHARACTERS = 256
_STATES_MAX = 20
# Keys that may be given several times, for several values.
REPEATED: Final = frozenset({"state"})
_FRACTION = "(\\.[0-9]{1,15})?"
_LON = f"-?(180(\\.0{{1,15}})?|(1[0-7][0-9]|[0-9]{{1,2}}){_FRACTION})"
_LAT = f"-?(90(\\.0{{1,15}})?|[0-8]?[0-9]{_FRACTION})"
BOX_PATTERN = f"^{_LON},{_LAT},{_LON},{_LAT}$"
_BOX = re.compile(BOX_PATTERN, re.ASCII)


class Question(BaseModel):
    """Base of all query parameters."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=False, extra="forbid", frozen=True)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("expected printable characters only")
    return text


def _boxed(text: str | None) -> str | None:
    if text is not None:
        is_box = _BOX.fullmatch(text) is not None
        south, north = (float(part) for part in text.split(",")[1::2]) if is_box else (1.0, 0.0)
        if south > north:
            raise ValueError("expected west,south,east,north in degrees, such as 5.3,51.3,5.6,51.5")
    return text


def _time_ns(value: object) -> int:
    if not isinstance(value, str):
        raise ValueError("expected text")  # noqa: TRY004  # pydantic collects ValueError
    return parse_time_ns(value)


Identifier = Annotated[str, Field(pattern=f"^{ID_PATTERN}$", examples=["brug-042"])]
Printable = Annotated[str, AfterValidator(_printable), Field(max_length=_ITEM_CHARACTERS)]
TimeNs = Annotated[
    int,
    BeforeValidator(_time_ns, json_schema_input_type=str),
    Field(
        description="RFC 3339 with any offset; a time without one is refused.",
        examples=["2026-03-01T00:00:00Z"],
        json_schema_extra={"format": "date-time", "pattern": "^(1[7-9]|2[01])[0-9]{2}-"},
    ),
]
Fields = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=1000,
        description="Names of the members that are wanted, with commas; of a list, those of its items.",
    ),
]
Since = Annotated[
    str | None,
    Field(
        max_length=2048,
        description="Only what changed, oldest change first: `start`, or `nextSince` of the answer before. Nothing is "
        "skipped and nothing comes twice unless it changed again. Not together with `cursor` or `state`. An asset that "
        "leaves the register is not told here, nor what leaves with it: compare with the whole list now and then.",
        examples=["start"],
        json_schema_extra={"pattern": "^[A-Za-z0-9_-]+$"},
    ),
]
ListFormat = Annotated[
    Literal["json", "csv"], Field(description="`csv`: a table with one row an item, and the same paging by `Link`.")
]
Lang = Annotated[
    Language | None,
    Field(description="Language of sentences in the answer; wins over `Accept-Language`. Default `en`."),
]


class SpokenQuery(Question):
    """Something that is always given whole, in a language."""

    lang: Lang = None


class AlgorithmQuery(SpokenQuery):
    """Whose algorithm, where several organisations share the service."""

    organisation: Annotated[
        Identifier | None,
        Field(description="One that opened its page, or the own; only where several share the service."),
    ] = None


class ItemQuery(Question):
    """One resource."""

    fields: Fields = None


class LanguageQuery(ItemQuery):
    """One resource that holds sentences."""

    lang: Lang = None


class ExplanationQuery(LanguageQuery):
    """Which assessment to explain."""

    assessment: Annotated[
        Printable | None, Field(description="Identifier of an assessment of this asset; without it the newest.")
    ] = None


class PageQuery(Question):
    """Part of a list whose items are always given whole."""

    page_size: Annotated[
        int | None, Field(ge=1, description="Items on a page; the service's default and maximum apply.", examples=[100])
    ] = None
    cursor: Annotated[
        str | None, Field(description="`next` of an earlier page; without it the list starts at its beginning.")
    ] = None


class ListQuery(PageQuery):
    """Part of a list."""

    fields: Fields = None


class AssetQuery(ListQuery):
    """Part of a list that can be narrowed to one asset."""

    asset: Annotated[Identifier | None, Field(description="Only what belongs to this asset.")] = None


class RiskQuery(ListQuery):
    """Part of the ranking."""

    state: Annotated[
        list[RiskState],
        Field(max_length=_STATES_MAX, description="Only these states; repeat the key for several."),
    ] = []
    since: Since = None
    format: ListFormat = "json"
    lang: Lang = None


class RiskHistoryQuery(ListQuery):
    """Part of one asset's history."""

    lang: Lang = None


class AlarmQuery(AssetQuery):
    """Part of the list of alarms."""

    state: Annotated[
        list[AlarmState],
        Field(max_length=_STATES_MAX, description="Only these states; repeat the key for several."),
    ] = []
    event: Annotated[
        str | None,
        Field(pattern=r"^[!-~]{1,200}$", description="Only alarms with this `eventId`: one event at many structures."),
    ] = None
    since: Since = None
    format: ListFormat = "json"
    lang: Lang = None


class DecisionQuery(AssetQuery):
    """Part of the decision log."""

    since: Since = None


class PlanQuery(ListQuery):
    """Part of the list of planned works."""

    format: ListFormat = "json"


class EventQuery(Question):
    """How to follow changes."""

    once: Annotated[
        bool, Field(description="True ends the stream when everything behind `Last-Event-ID` has been told.")
    ] = False
    lang: Lang = None


class FeatureQuery(Question):
    """Part of a collection of features."""

    bbox: Annotated[
        str | None,
        AfterValidator(_boxed),
        Field(
            max_length=200,
            description="West, south, east, north in degrees (CRS84); south is not above north.",
            examples=["5.3,51.3,5.6,51.5"],
            json_schema_extra={"pattern": BOX_PATTERN},
        ),
    ] = None
    limit: Annotated[int, Field(ge=1, le=10_000, description="Features at most.", examples=[1000])] = 1000
    cursor: Annotated[str | None, Field(description="From the link to the next page.")] = None
    lang: Lang = None


class SeriesQuery(ListQuery):
    """One channel of an asset over time; without sensor and channel, which channels there are."""

    sensor: Annotated[Identifier | None, Field(description="Which sensor; goes with `channel`.")] = None
    channel: Annotated[
        Printable | None, Field(description="Which channel of it, with its axis.", examples=["vibration_rms.x"])
    ] = None
    start: Annotated[TimeNs | None, Field(description="Hops that start at or after this time.")] = None
    end: Annotated[TimeNs | None, Field(description="Hops that start before this time.")] = None


class ModeQuery(ListQuery):
    """The natural frequencies of an asset, or one of them over time."""

    mode: Annotated[
        Printable | None, Field(description="Which mode; without it the newest of every mode.", examples=["100-1"])
    ] = None
    start: Annotated[TimeNs | None, Field(description="Periods that ended at or after it; goes with `mode`.")] = None
    end: Annotated[TimeNs | None, Field(description="Periods that ended before it; goes with `mode`.")] = None


Rooms = Annotated[ApiRooms, Depends(own_rooms)]


async def _answer_language(
    request: Request,
    accept_language: Annotated[
        str | None, Header(description="Language of sentences in the answer: `en` or `nl`.", examples=["nl"])
    ] = None,
) -> Language:
    asked = request.query_params.get("lang")
    known = {language.value: language for language in Language}
    return choose_language(known.get(asked or ""), accept_language, Language.ENGLISH)


AnswerLanguage = Annotated[Language, Depends(_answer_language)]


AssetPath = Annotated[str, Path(description="Identifier of the asset.", examples=["brug-042"])]
ItemPath = Annotated[str, Path(description="Identifier of the item.")]


def page_size(question: PageQuery, rooms: ApiRooms) -> int:
    """Settle the size of a page; `api.whole_query` has refused more than the service gives."""
    return min(question.page_size or rooms.settings.page_size_default, rooms.settings.page_size_max)


def registered(asset_id: str, rooms: ApiRooms) -> Asset:
    """Find an asset of the register.

    Raises
    ------
    ProblemError
        404 if there is none; text that cannot be an identifier never reaches the store.
    """
    asset = rooms.store.asset(AssetId(asset_id)) if is_identifier(asset_id) else None
    if asset is None:
        raise not_found("asset", asset_id)
    return asset


def known_item(identifier: str) -> bool:
    """Tell whether text may stand as the identifier of a stored item."""
    return 0 < len(identifier) <= _ITEM_CHARACTERS and identifier.isprintable()
