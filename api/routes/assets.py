"""Assets as their owner registered them, and what their channels measured."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic.alias_generators import to_camel

from api.access import Who, needs
from api.answers import asset_item, series_point_item
from api.conditional import json_response
from api.paging import next_cursor, page_link, read_page
from api.polling import Made, cached_answer, tagged_answer
from api.problems import FieldError, ProblemError, invalid_input
from api.questions import AssetPath, ItemQuery, ListQuery, Rooms, SeriesQuery, page_size, registered
from api.schemas import AssetItem, ChannelItem, Listing, SeriesListing
from api.whole_query import asked_whole
from domain.access import Right
from domain.identifiers import ChannelName, SensorId

__all__ = ["router"]

router = APIRouter(tags=["assets"], dependencies=[needs(Right.READ_ASSETS), asked_whole])


@router.get(
    "/v1/assets", response_model=Listing[AssetItem], responses={304: {}}, summary="List the assets by identifier"
)
def list_assets(request: Request, rooms: Rooms, who: Who, question: Annotated[ListQuery, Query()]) -> Response:
    """List every structure in the register, by identifier."""
    size = page_size(question, rooms)

    def make(_as_of_ns: int) -> Made:
        page = read_page(str, question.cursor, size, scope="assets")
        found = rooms.store.assets(after=page.after, limit=page.limit)
        cursor = next_cursor(found, page, lambda asset: asset.id)
        items = [asset_item(asset) for asset in found[: page.size]]
        return Made(Listing[AssetItem](items=items, next=cursor), page_link(request, cursor))

    return cached_answer(request, rooms, who, make, fields=question.fields)


@router.get("/v1/assets/{asset_id}", response_model=AssetItem, responses={304: {}}, summary="Show one asset")
def show_asset(
    request: Request, rooms: Rooms, who: Who, asset_id: AssetPath, question: Annotated[ItemQuery, Query()]
) -> Response:
    """Show one structure as its owner registered it."""

    def make(_as_of_ns: int) -> Made:
        return Made(asset_item(registered(asset_id, rooms)))

    return cached_answer(request, rooms, who, make, fields=question.fields)


@router.get(
    "/v1/assets/{asset_id}/series",
    response_model=SeriesListing | Listing[ChannelItem],
    responses={304: {}},
    summary="Show one channel over time, or list the channels there are",
)
def list_series(
    request: Request, rooms: Rooms, asset_id: AssetPath, question: Annotated[SeriesQuery, Query()]
) -> Response:
    """Show the closed hops of one channel, oldest first, each with what was expected at that environment.

    Without `sensor` and `channel` the answer lists which channels have stored values.
    """
    asset = registered(asset_id, rooms)
    stored = rooms.series.channel_names(asset.id)
    if question.sensor is None or question.channel is None:
        _refuse_half_a_question(question)
        channels = [ChannelItem(sensor=sensor, channel=channel, unit=unit) for sensor, channel, unit in stored]
        return json_response(Listing[ChannelItem](items=channels, next=None))
    sensor, channel = SensorId(question.sensor), ChannelName(question.channel)
    unit = {(row[0], row[1]): row[2] for row in stored}.get((sensor, channel))
    if unit is None:
        raise ProblemError(
            404,
            "Unknown channel",
            f"Asset {asset.id!r} has no stored values of channel {channel!r} of sensor {sensor!r}; "
            "ask without `sensor` and `channel` for what there is.",
        )
    scope = f"series {asset.id} {sensor} {channel} {question.start} {question.end}"
    page = read_page(int, question.cursor, page_size(question, rooms), scope=scope)
    points = rooms.series.hops(
        asset.id, sensor, channel, start_ns=question.start, end_ns=question.end, after_ns=page.after, limit=page.limit
    )
    cursor = next_cursor(points, page, lambda point: point.start_ns)
    items = [series_point_item(point) for point in points[: page.size]]
    answer = SeriesListing(sensor=sensor, channel=channel, unit=unit, items=items, next=cursor)
    return tagged_answer(request, rooms, Made(answer, page_link(request, cursor)), fields=question.fields)


def _refuse_half_a_question(question: SeriesQuery) -> None:
    asked = sorted(to_camel(name) for name in question.model_fields_set)
    if asked:
        raise invalid_input(
            [
                FieldError("query", name, "nothing", f"a value, because of {', '.join(asked)}")
                for name in ("sensor", "channel")
                if getattr(question, name) is None
            ]
        )
