"""The map: structures by state where they lie, gathered on the server, with the same content as a list."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.access import reads_pages
from api.conditional import json_response
from api.edge import PAGE_POLICY
from api.figures import number
from api.languages import Language
from api.page_rows import SHAPES
from api.pages.frame import PageQuestion, address, page_language, render
from api.pages.live import follows
from api.pages.pager import turned
from api.questions import Question, Rooms
from api.schemas import Answer
from api.terms import term
from api.texts import text
from domain.measurements import DataQuality
from domain.records import RiskState
from storage.overview_rows import PlaceRow

__all__ = ["router"]

router = APIRouter(include_in_schema=False, dependencies=[*reads_pages(), follows()])

_ZOOM_MAX: Final = 19
# Width of a cell in which structures become one sign, in pixels of a map of 256 * 2^zoom.
_CELL_PX: Final = 64
_ALONE_FROM_ZOOM: Final = 17
# Names on one page of the list: what a reader goes through, and a screen reader reads out, in one go.
_LISTED: Final = 60
_LATITUDE_MOST: Final = 85.0
# At most as many digits as an int takes in no time: a name may hold anything.
_DIGITS: Final = re.compile(r"(\d{1,18})", re.ASCII)


class Cluster(Answer):
    """One sign on the map: a structure, or several that lie together, in the state of the worst."""

    lat: float
    lon: float
    count: int
    state: str
    id: str
    label: str


class Clusters(Answer):
    """All signs in a view."""

    items: list[Cluster]


class MapQuestion(PageQuestion):
    """What the map may be asked: which state its list is narrowed to, and which page of it."""

    state: RiskState | None = None
    page: Annotated[int, Field(ge=1, le=100_000)] = 1


class ViewQuestion(Question):
    """A view of the map; `lang` for the words in it."""

    south: Annotated[float, Field(ge=-90, le=90)] = -90.0
    west: Annotated[float, Field(ge=-540, le=540)] = -540.0
    north: Annotated[float, Field(ge=-90, le=90)] = 90.0
    east: Annotated[float, Field(ge=-540, le=540)] = 540.0
    zoom: Annotated[int, Field(ge=0, le=_ZOOM_MAX)] = 8
    lang: Language = Language.DUTCH


@router.get("/map")
def show_map(request: Request, rooms: Rooms, question: Annotated[MapQuestion, Query()]) -> Response:
    """Show the map and, below it, the same as a list in pages."""
    language = page_language(request, question)
    places = rooms.overview.places()
    placed = [place for place in places if _is_placed(place)]
    settings = rooms.settings
    answer = render(
        "map.html",
        request,
        rooms,
        question,
        bounds=_bounds(placed),
        is_empty=not places,
        tiles=settings.map_tiles_url,
        attribution=settings.map_attribution,
        not_placed=len(places) - len(placed),
        **_listed(places, question, language),
    )
    origin = urlsplit(settings.map_tiles_url)
    if origin.netloc:
        # The one page that may load pictures from elsewhere, and from nowhere but there.
        host = origin.netloc.replace("{s}", "*")
        policy = f"{PAGE_POLICY}; img-src 'self' {origin.scheme}://{host}"
        answer.headers["Content-Security-Policy"] = policy.replace("img-src 'self'; ", "", 1)
    return answer


def _listed(places: Sequence[PlaceRow], question: MapQuestion, language: Language) -> dict[str, Any]:
    """Give one page of the list, the worst state first and by name within it, and the ways to the others."""
    states = {place.id: _state(place) for place in places}
    counts = Counter(states.values())
    order = list(RiskState)
    wanted = [place for place in places if question.state in {None, states[place.id]}]
    wanted.sort(key=lambda place: (order.index(states[place.id]), _by_name(place.name), place.id))

    def way(**changes: object) -> str:
        return address("/map", question, **changes) + "#list"

    leaf = turned(wanted, question.page, _LISTED, lambda page: way(page=page), language)
    return {
        "chips": [
            (way(state=None, page=None), text("All", language), number(len(places), language), question.state is None),
            *(
                (
                    way(state=state, page=None),
                    term("state", state, language),
                    number(counts[state], language),
                    question.state is state,
                )
                for state in RiskState
            ),
        ],
        "legend": [(state, term("state", state, language), number(counts[state], language)) for state in RiskState],
        "groups": [
            (state, SHAPES[state], term("state", state, language), inside)
            for state in RiskState
            if (inside := [place for place in leaf.rows if states[place.id] is state])
        ],
        "leaf": leaf,
    }


def _by_name(name: str) -> list[tuple[int, str]]:
    """Order names as people do: numbers within them by their size."""
    pieces = _DIGITS.split(name.casefold())
    return [(int(piece) if place % 2 else 0, "" if place % 2 else piece) for place, piece in enumerate(pieces)]


@router.get("/map/places")
def list_places(rooms: Rooms, question: Annotated[ViewQuestion, Query()]) -> Response:
    """Gather the structures of a view into signs."""
    inside = [place for place in rooms.overview.places() if _is_in(place, question)]
    return json_response(Clusters(items=gathered(inside, question.zoom, question.lang)))


def gathered(places: Sequence[PlaceRow], zoom: int, language: Language) -> list[Cluster]:
    """Put structures that lie within one cell of the map into one sign, in the state of the worst.

    The cells lie fixed on the earth, so that signs stay where they are while the map is moved.
    """
    cells: dict[tuple[object, ...], list[PlaceRow]] = {}
    for place in places:
        key = (place.id,) if zoom >= _ALONE_FROM_ZOOM else _cell(place, zoom)
        cells.setdefault(key, []).append(place)
    return [_cluster(inside, language) for inside in cells.values()]


def _cluster(inside: Sequence[PlaceRow], language: Language) -> Cluster:
    states = [_state(place) for place in inside]
    worst = min(states, key=list(RiskState).index)
    if len(inside) == 1:
        label = f"{inside[0].name}: {term('state', worst, language)}"
    else:
        parts = [
            f"{number(states.count(state), language)} {term('state', state, language)}"
            for state in RiskState
            if state in states
        ]
        label = text("{count} structures: {states}", language, count=len(inside), states=", ".join(parts))
    return Cluster(
        lat=round(sum(place.lat or 0.0 for place in inside) / len(inside), 6),
        lon=round(sum(place.lon or 0.0 for place in inside) / len(inside), 6),
        count=len(inside),
        state=worst.value,
        id=inside[0].id if len(inside) == 1 else "",
        label=label,
    )


def _state(place: PlaceRow) -> RiskState:
    """Give the state to show; never assessed or without data is unknown, whatever the estimate by age says."""
    if place.state is None or (place.data_quality is DataQuality.NONE and place.state is not RiskState.ACT):
        return RiskState.INSUFFICIENT_DATA
    return place.state


def _cell(place: PlaceRow, zoom: int) -> tuple[object, ...]:
    """Give the cell of a place in web-mercator pixels."""
    size = 256 * 2**zoom
    latitude = math.radians(min(max(place.lat or 0.0, -_LATITUDE_MOST), _LATITUDE_MOST))
    x = ((place.lon or 0.0) + 180) / 360 * size
    y = (1 - math.asinh(math.tan(latitude)) / math.pi) / 2 * size
    return int(x // _CELL_PX), int(y // _CELL_PX)


def _is_placed(place: PlaceRow) -> bool:
    return place.lat is not None and place.lon is not None


def _is_in(place: PlaceRow, view: ViewQuestion) -> bool:
    lat, lon = place.lat, place.lon
    if lat is None or lon is None:
        return False
    return view.south <= lat <= view.north and view.west <= lon <= view.east


def _bounds(places: Sequence[PlaceRow]) -> str:
    """Give the box around all places as `south,west,north,east`; empty without any."""
    if not places:
        return ""
    lats = [place.lat for place in places if place.lat is not None]
    lons = [place.lon for place in places if place.lon is not None]
    return f"{min(lats)},{min(lons)},{max(lats)},{max(lons)}"
