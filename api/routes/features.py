"""OGC API Features: what a map program opens by its address."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from api.access import Who, needs
from api.features import COLLECTIONS, Box, Collection, places_of
from api.languages import Language
from api.paging import next_cursor, read_page
from api.polling import Made, cached_answer, tagged_answer
from api.problems import ProblemError
from api.questions import AnswerLanguage, FeatureQuery, ItemPath, Rooms, SpokenQuery
from api.rooms import ApiRooms
from api.schemas_map import CollectionItem, Collections, Conformance, Feature, FeatureCollection, Landing
from api.times import rfc3339
from api.whole_query import asked_whole
from domain.access import Right
from storage.protocols import RowKind

__all__ = ["router"]

_ASKS = [needs(Right.READ_RISKS), needs(Right.READ_ALARMS), needs(Right.READ_DECISIONS), asked_whole]
router = APIRouter(prefix="/v1/ogc", tags=["map"], dependencies=_ASKS)

_CRS84: Final = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_CONTENT_CRS: Final = {"Content-Crs": f"<{_CRS84}>"}
_GEOJSON: Final = "application/geo+json"
_CONFORMS: Final = [
    f"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/{name}" for name in ("core", "oas30", "geojson")
]
_ROOT: Final = "/v1/ogc"
_HELD: Final[dict[int | str, dict[str, Any]]] = {304: {}}


def _as_geojson(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    return {200: {"model": model, "content": {_GEOJSON: {}}}, 304: {}}


@router.get("", response_model=Landing, responses=_HELD, summary="Open the map interface")
def show_landing(request: Request, rooms: Rooms) -> Response:
    """Give the landing page of OGC API Features, with its links."""
    links = [
        _link(rooms, "", "self", "This page"),
        _link(rooms, "/conformance", "conformance", "What this conforms to"),
        _link(rooms, "/collections", "data", "Collections"),
        {
            "href": f"{rooms.settings.public_url}/v1/openapi.json",
            "rel": "service-desc",
            "type": "application/vnd.oai.openapi+json;version=3.1",
            "title": "Description of the API",
        },
    ]
    body = {"title": "Schouw", "description": "Risks, alarms and plans on the map.", "links": links}
    return _plain(request, rooms, body)


@router.get(
    "/conformance", response_model=Conformance, responses=_HELD, summary="Show what the map interface conforms to"
)
def show_conformance(request: Request, rooms: Rooms) -> Response:
    """List the conformance classes of OGC API Features."""
    return _plain(request, rooms, {"conformsTo": _CONFORMS})


@router.get(
    "/collections", response_model=Collections, responses=_HELD, summary="List the collections of the map interface"
)
def list_collections(request: Request, rooms: Rooms) -> Response:
    """List risks, alarms and plans as collections of features."""
    body = {
        "links": [_link(rooms, "/collections", "self", "Collections")],
        "collections": [_described(rooms, item) for item in COLLECTIONS.values()],
    }
    return _plain(request, rooms, body)


@router.get(
    "/collections/{collection_id}", response_model=CollectionItem, responses=_HELD, summary="Show one collection"
)
def show_collection(request: Request, rooms: Rooms, collection_id: ItemPath) -> Response:
    """Describe one collection of features."""
    return _plain(request, rooms, _described(rooms, _known(collection_id)))


@router.get(
    "/collections/{collection_id}/items", responses=_as_geojson(FeatureCollection), summary="List features as GeoJSON"
)
def list_features(
    request: Request,
    rooms: Rooms,
    who: Who,
    collection_id: ItemPath,
    language: AnswerLanguage,
    question: Annotated[FeatureQuery, Query()],
) -> Response:
    """List features in WGS 84 (longitude, latitude); without a place in the register `geometry` is null.

    `bbox` takes west, south, east, north. `limit` at a time; follow the link with `rel` `next`.
    """
    collection = _known(collection_id)
    box = _box(question.bbox)
    page = read_page(int, question.cursor, question.limit, scope=f"{collection.id} {question.bbox or ''}")

    def make(as_of_ns: int) -> Made:
        places = places_of(rooms, collection, language, box)
        start = page.after or 0
        numbered = list(enumerate(places, start=1))[start : start + page.limit]
        cursor = next_cursor(numbered, page, lambda row: row[0])
        shown = [place.feature() for _, place in numbered[: page.size]]
        here = f"{rooms.settings.public_url}{request.url.path}"
        asked = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
        links = [{"href": here, "rel": "self", "type": _GEOJSON}]
        if cursor is not None:
            following = urlencode([*asked, ("cursor", cursor)])
            links.append({"href": f"{here}?{following}", "rel": "next", "type": _GEOJSON})
        body = {
            "type": "FeatureCollection",
            "features": shown,
            "numberMatched": len(places),
            "numberReturned": len(shown),
            "timeStamp": rfc3339(as_of_ns),
            "links": links,
        }
        return Made(_text(body), _CONTENT_CRS, _GEOJSON)

    if collection.id == "plans":  # decisions are in the journal, which the store's revision does not cover
        return tagged_answer(request, rooms, make(rooms.now_ns() // 10**12 * 10**12), language=language)
    rests_on: RowKind = "alarms" if collection.id == "alarms" else "risks"
    return cached_answer(request, rooms, who, make, rests_on=rests_on, language=language)


@router.get(
    "/collections/{collection_id}/items/{feature_id:path}", responses=_as_geojson(Feature), summary="Show one feature"
)
def show_feature(
    request: Request,
    rooms: Rooms,
    collection_id: ItemPath,
    feature_id: ItemPath,
    language: AnswerLanguage,
    _question: Annotated[SpokenQuery, Query()],
) -> Response:
    """Show one feature as GeoJSON."""
    collection = _known(collection_id)
    found = next((item for item in places_of(rooms, collection, language, None) if item.id == feature_id), None)
    if found is None:
        raise ProblemError(404, "Unknown feature", f"There is no feature {feature_id[:100]!r} in {collection.id!r}.")
    return tagged_answer(request, rooms, Made(_text(found.feature()), _CONTENT_CRS, _GEOJSON), language=language)


def _known(identifier: str) -> Collection:
    found = COLLECTIONS.get(identifier)
    if found is None:
        raise ProblemError(
            404,
            "Unknown collection",
            f"There is no collection {identifier[:100]!r}; there are {', '.join(COLLECTIONS)}.",
        )
    return found


def _described(rooms: ApiRooms, item: Collection) -> dict[str, Any]:
    path = f"/collections/{item.id}"
    return {
        "id": item.id,
        "title": item.title,
        "description": item.description,
        "itemType": "feature",
        "crs": [_CRS84],
        "storageCrs": _CRS84,
        "links": [
            _link(rooms, path, "self", item.title),
            _link(rooms, f"{path}/items", "items", item.title, _GEOJSON),
        ],
    }


def _link(rooms: ApiRooms, path: str, rel: str, title: str, kind: str = "application/json") -> dict[str, str]:
    return {"href": f"{rooms.settings.public_url}{_ROOT}{path}", "rel": rel, "type": kind, "title": title}


def _plain(request: Request, rooms: ApiRooms, body: dict[str, Any]) -> Response:
    return tagged_answer(request, rooms, Made(_text(body)), language=Language.ENGLISH)


def _text(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _box(text: str | None) -> Box | None:
    if text is None:
        return None
    west, south, east, north = (float(part) for part in text.split(","))
    return west, south, east, north
