"""Natural frequencies and spectra of assets whose sensors send waveforms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.access import Who, needs
from api.mode_answers import mode_item, spectrum_item
from api.paging import next_cursor, page_link, read_page
from api.polling import Made, cached_answer
from api.problems import FieldError, invalid_input
from api.questions import AssetPath, ItemQuery, ModeQuery, Rooms, page_size, registered
from api.schemas import Listing
from api.schemas_modes import ModeItem, SpectrumItem
from api.whole_query import asked_whole
from domain.access import Right
from domain.modes import ModePoint

__all__ = ["router"]

router = APIRouter(tags=["assets"], dependencies=[needs(Right.READ_ASSETS), asked_whole])


@router.get(
    "/v1/assets/{asset_id}/modes",
    response_model=Listing[ModeItem],
    responses={304: {}},
    summary="List the natural frequencies of one asset, or one of them over time",
)
def list_modes(
    request: Request, rooms: Rooms, who: Who, asset_id: AssetPath, question: Annotated[ModeQuery, Query()]
) -> Response:
    """List the newest of every mode that was followed; `end` tells which one is not seen any more.

    With `mode` the answer is that mode over time, oldest first. An asset without waveforms that are long enough has
    none, which says nothing about its condition.
    """
    _refuse_times_alone(question)
    size = page_size(question, rooms)

    def make_newest(as_of_ns: int) -> Made:
        asset = registered(asset_id, rooms)
        page = read_page(str, question.cursor, size, scope=f"modes {asset.id}")
        newest = [point for point in rooms.modes.newest(asset.id) if page.after is None or point.mode > page.after]
        found = newest[: page.limit]
        return _listing(request, found[: page.size], next_cursor(found, page, lambda point: point.mode), as_of_ns)

    def make_points(as_of_ns: int) -> Made:
        asset, mode = registered(asset_id, rooms), question.mode or ""
        scope = f"modes {asset.id} {mode} {question.start} {question.end}"
        page = read_page(int, question.cursor, size, scope=scope)
        found = rooms.modes.points(
            asset.id, mode, start_ns=question.start, end_ns=question.end, after_ns=page.after, limit=page.limit
        )
        return _listing(request, found[: page.size], next_cursor(found, page, lambda point: point.end_ns), as_of_ns)

    make = make_newest if question.mode is None else make_points
    return cached_answer(request, rooms, who, make, fields=question.fields)


@router.get(
    "/v1/assets/{asset_id}/spectrum",
    response_model=Listing[SpectrumItem],
    responses={304: {}},
    summary="Show the newest averaged spectra of one asset",
)
def list_spectra(
    request: Request, rooms: Rooms, who: Who, asset_id: AssetPath, question: Annotated[ItemQuery, Query()]
) -> Response:
    """Show the newest averaged spectrum of each sampling rate beside its reference; no item where there are none."""

    def make(as_of_ns: int) -> Made:
        asset = registered(asset_id, rooms)
        items = [spectrum_item(spectrum, as_of_ns) for spectrum in rooms.modes.spectra(asset.id)]
        return Made(Listing[SpectrumItem](items=items, next=None))

    return cached_answer(request, rooms, who, make, fields=question.fields)


def _listing(request: Request, points: Sequence[ModePoint], cursor: str | None, as_of_ns: int) -> Made:
    items = [mode_item(point, as_of_ns) for point in points]
    return Made(Listing[ModeItem](items=items, next=cursor), page_link(request, cursor))


def _refuse_times_alone(question: ModeQuery) -> None:
    """Refuse a stretch of time without the mode that it is asked of."""
    asked = [name for name, value in (("start", question.start), ("end", question.end)) if value is not None]
    if question.mode is None and asked:
        raise invalid_input(
            [FieldError("query", "mode", "nothing", f"a mode, because {' and '.join(asked)} was given")]
        )
