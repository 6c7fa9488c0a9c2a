"""The risk matrix: chance of failure against its cost, the indicative condition beside the inspected one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.access import reads_pages
from api.figures import euros, number, percent
from api.languages import Language
from api.pages.frame import PageQuestion, address, page_language, render
from api.pages.live import follows
from api.pages.pager import turned
from api.questions import Rooms
from api.terms import term
from api.texts import text
from domain.measurements import DataQuality
from domain.records import PLANNING_HORIZON_DAYS
from storage.overview_rows import PlaceRow

__all__ = ["router"]

router = APIRouter(include_in_schema=False, dependencies=[*reads_pages(), follows()])

# Classes of the chance within 90 days and of the emergency repair in euros: lower bounds.
_CHANCES: Final = (0.5, 0.1, 0.01, 0.0)
_COSTS_EUR: Final = (0.0, 50_000.0, 250_000.0, 1_000_000.0)
_SHOWN: Final = 4
_LISTED: Final = 200
# Names the cell of structures without data; the others are row and column.
_BLIND: Final = "none"
_SEVERE: Final = 5
_WORRYING: Final = 3


class MatrixQuestion(PageQuestion):
    """What the matrix may be asked: which cell to list in full, and which page of it."""

    cell: Annotated[str, Field(pattern=r"^([0-3]-[0-4]|none)?$")] = ""
    page: Annotated[int, Field(ge=1, le=100_000)] = 1


@router.get("/matrix")
def show_matrix(request: Request, rooms: Rooms, question: Annotated[MatrixQuestion, Query()]) -> Response:
    """Show how many structures stand where, and the worst of each cell; on request all of one cell."""
    language = page_language(request, question)
    places = rooms.overview.places()
    cells = _by_cell(places)
    blind = [place for place in places if _chance(place) is None]

    def way(cell: str, page: int | None = None) -> str:
        return address("/matrix", question, cell=cell, page=page) + "#cell"

    rows = [
        (
            _chance_label(row, language),
            [
                _cell(cells.get((row, column), []), _weight(row, column), way(f"{row}-{column}"), language)
                for column in range(len(_COSTS_EUR) + 1)
            ],
        )
        for row in range(len(_CHANCES))
    ]
    inside = blind if question.cell == _BLIND else cells.get(_place_of(question.cell), [])
    return render(
        "matrix.html",
        request,
        rooms,
        question,
        columns=[_cost_label(column, language) for column in range(len(_COSTS_EUR) + 1)],
        rows=rows,
        blind=_cell(blind, None, way(_BLIND), language),
        chosen=_name_of(question.cell, language),
        leaf=turned(inside, question.page, _LISTED, lambda page: way(question.cell, page), language),
        total=len(places),
    )


def _place_of(cell: str) -> tuple[int, ...]:
    return tuple(int(part) for part in cell.split("-")) if cell not in {"", _BLIND} else ()


def _name_of(cell: str, language: Language) -> str:
    """Say which cell is listed; empty for none."""
    if not cell:
        return ""
    if cell == _BLIND:
        return term("quality", "none", language)
    row, column = _place_of(cell)
    chance, cost = text("Chance of failure", language), text("Emergency repair", language)
    return f"{chance}: {_chance_label(row, language)}. {cost}: {_cost_label(column, language)}"


def _chance(place: PlaceRow) -> float | None:
    """Give the chance within 90 days; None without data, because an estimate by age alone is no measurement."""
    if place.data_quality is DataQuality.NONE:
        return None
    return next((item.value for item in place.chances if item.horizon_days == PLANNING_HORIZON_DAYS), None)


def _by_cell(places: Sequence[PlaceRow]) -> dict[tuple[int, ...], list[PlaceRow]]:
    """Give the structures of each cell (row, column), the likeliest to fail first."""
    chances = [(value, place) for place in places if (value := _chance(place)) is not None]
    chances.sort(key=lambda item: (-item[0], item[1].id))
    cells: dict[tuple[int, ...], list[PlaceRow]] = {}
    for value, place in chances:
        row = next(number for number, low in enumerate(_CHANCES) if value >= low)
        cells.setdefault((row, _cost_class(place)), []).append(place)
    return cells


def _cost_class(place: PlaceRow) -> int:
    """Give the number of the class of cost; behind the last one: the register names no cost, or 0, which is none."""
    cost = place.emergency_repair_cost_eur
    return len(_COSTS_EUR) if not cost else max(n for n, low in enumerate(_COSTS_EUR) if cost >= low)


def _weight(row: int, column: int) -> int | None:
    """Count the steps from the mildest corner; None where the cost is not known."""
    return len(_CHANCES) - 1 - row + column if column < len(_COSTS_EUR) else None


def _cell(places: Sequence[PlaceRow], weight: int | None, target: str, language: Language) -> dict[str, object]:
    level, label = _level(weight, language)
    more = len(places) - _SHOWN
    return {
        "count": number(len(places), language) if places else "",
        "shown": places[:_SHOWN],
        "more": number(more, language) if more > 0 else "",
        "address": target,
        "level": level,
        "label": label,
    }


def _level(weight: int | None, language: Language) -> tuple[str, str]:
    """Give how much a cell weighs, as a class and in a word, so that colour is not the only sign."""
    if weight is None:
        return "unknown", ""
    if weight >= _SEVERE:
        return "high", text("high risk", language)
    if weight >= _WORRYING:
        return "middle", text("raised risk", language)
    return "low", text("low risk", language)


def _chance_label(row: int, language: Language) -> str:
    low = percent(_CHANCES[row], language)
    if row == 0:
        return text("more than {low}", language, low=low)
    if row == len(_CHANCES) - 1:
        return text("less than {high}", language, high=percent(_CHANCES[row - 1], language))
    return text("{low} to {high}", language, low=low, high=percent(_CHANCES[row - 1], language))


def _cost_label(column: int, language: Language) -> str:
    if column == len(_COSTS_EUR):
        return text("cost not known", language)
    if column == 0:
        return text("less than {high}", language, high=euros(_COSTS_EUR[1], language))
    if column == len(_COSTS_EUR) - 1:
        return text("more than {low}", language, low=euros(_COSTS_EUR[column], language))
    low, high = euros(_COSTS_EUR[column], language), euros(_COSTS_EUR[column + 1], language)
    return text("{low} to {high}", language, low=low, high=high)
