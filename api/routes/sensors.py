"""The channels of the register and how each of them is doing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.access import Who, needs
from api.answers import sensor_item
from api.paging import next_cursor, page_link, read_page
from api.polling import Made, cached_answer
from api.questions import AssetQuery, Rooms, page_size
from api.schemas import Listing, SensorItem
from api.whole_query import asked_whole
from domain.access import Right
from domain.identifiers import AssetId
from storage.protocols import SensorKey

__all__ = ["router"]

router = APIRouter(tags=["sensors"], dependencies=[needs(Right.READ_ASSETS), asked_whole])


@router.get(
    "/v1/sensors",
    response_model=Listing[SensorItem],
    responses={304: {}},
    summary="List channels and their newest readings",
)
def list_sensors(request: Request, rooms: Rooms, who: Who, question: Annotated[AssetQuery, Query()]) -> Response:
    """List the channels of the register with their grade, newest reading and its age; `asset` narrows it."""
    asset = None if question.asset is None else AssetId(question.asset)
    page = read_page(SensorKey, question.cursor, page_size(question, rooms), scope=f"sensors {asset or '*'}")

    def make(as_of_ns: int) -> Made:
        found = rooms.store.sensors(asset=asset, after=page.after, limit=page.limit)
        cursor = next_cursor(found, page, lambda status: SensorKey(status.asset, status.sensor, status.channel))
        items = [sensor_item(status, as_of_ns) for status in found[: page.size]]
        return Made(Listing[SensorItem](items=items, next=cursor), page_link(request, cursor))

    return cached_answer(request, rooms, who, make, fields=question.fields)
