"""One chart of a structure as a browser draws it itself, to zoom into and point at."""

from __future__ import annotations

import json
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request, Response

from api.access import reads_pages
from api.interactive import interactive
from api.pages.asset_material import AssetQuestion, read_material
from api.pages.frame import page_language
from api.problems import not_found
from api.questions import AssetPath, Rooms, registered

__all__ = ["router"]

router = APIRouter(include_in_schema=False, dependencies=reads_pages())

_CODE_CHARACTERS: Final = 32


@router.get("/assets/{asset_id}/charts/{code}")
def show_chart(
    request: Request,
    rooms: Rooms,
    asset_id: AssetPath,
    code: Annotated[str, Path(max_length=_CODE_CHARACTERS)],
    question: Annotated[AssetQuestion, Query()],
) -> Response:
    """Give the specification of one chart, what it says at each place, and the locale of its figures."""
    language = page_language(request, question)
    view = read_material(rooms, registered(asset_id, rooms), question, language).charts.named(code)
    if view is None:
        raise not_found("chart", code)
    body = json.dumps(interactive(view.spec, view.tips(), language), ensure_ascii=False, separators=(",", ":"))
    headers = {"Content-Language": language.value, "Vary": "Accept-Language"}
    return Response(body, media_type="application/json", headers=headers)
