"""The work list: by week, and as a file for a planner's own tools."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request, Response

from api.access import reads_pages
from api.figures import long_date
from api.languages import Language
from api.pages.frame import PageQuestion, page_language, render
from api.pages.live import follows
from api.pages.work_exports import calendar, comma_separated, spreadsheet
from api.pages.work_items import WorkItem, today, week_of, work_items
from api.questions import Rooms
from api.texts import text

__all__ = ["router"]

router = APIRouter(include_in_schema=False, dependencies=[*reads_pages(), follows()])

_WEEKS: Final = 8
# Of one group; the files hold all. What a reader takes in at once, and a quarter of a megabyte if all eleven are full.
_SHOWN: Final = 50
_MEDIA: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ics": "text/calendar; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class _Group:
    """What falls in one span of time: how many items, and the first of them with their day."""

    title: str
    is_late: bool
    count: int
    shown: list[tuple[WorkItem, str]]

    @property
    def more(self) -> int:
        """Count those that only the files have."""
        return self.count - len(self.shown)


@router.get("/work")
def show_work(request: Request, rooms: Rooms, question: Annotated[PageQuestion, Query()]) -> Response:
    """Show the work list by week."""
    language = page_language(request, question)
    items = work_items(rooms, language)
    return render(
        "work.html",
        request,
        rooms,
        question,
        groups=_groups(items, today(rooms), language),
        count=len(items),
        unseen=rooms.overview.tally().unseen,
    )


class ExportQuestion(PageQuestion):
    """How the work list is wanted."""

    kind: Literal["csv", "xlsx", "ics"] = "csv"


@router.get("/work-list")
def export_work(request: Request, rooms: Rooms, question: Annotated[ExportQuestion, Query()]) -> Response:
    """Give the work list as a file."""
    language = page_language(request, question)
    items = work_items(rooms, language)
    match question.kind:
        case "csv":
            content = comma_separated(items, language)
        case "xlsx":
            content = spreadsheet(items, language)
        case "ics":
            content = calendar(items, rooms.wall_clock_ns())
    headers = {"Content-Disposition": f'attachment; filename="schouw-work.{question.kind}"', "Vary": "Accept-Language"}
    return Response(content, media_type=_MEDIA[question.kind], headers=headers)


def _groups(items: list[WorkItem], now: date, language: Language) -> list[_Group]:
    """Put items under overdue, each of the coming weeks, later, and without a day; empty weeks stay visible."""
    monday = week_of(now)
    last = monday + timedelta(weeks=_WEEKS)
    groups: list[tuple[str, bool, list[WorkItem]]] = [
        (text("Overdue", language), True, [item for item in items if item.due is not None and item.due < now])
    ]
    for week in range(_WEEKS):
        start = monday + timedelta(weeks=week)
        end = start + timedelta(weeks=1)
        title = text("Week {week}, from {day}", language, week=start.isocalendar().week, day=long_date(start, language))
        inside = [item for item in items if item.due is not None and max(start, now) <= item.due < end]
        groups.append((title, False, inside))
    later = [item for item in items if item.due is not None and item.due >= last]
    groups.append((text("Later", language), False, later))
    groups.append((text("Without a day", language), False, [item for item in items if item.due is None]))
    weeks = range(1, _WEEKS + 1)
    return [
        _Group(
            title,
            late,
            len(inside),
            [(item, "" if item.due is None else long_date(item.due, language)) for item in inside[:_SHOWN]],
        )
        for place, (title, late, inside) in enumerate(groups)
        if inside or place in weeks
    ]
