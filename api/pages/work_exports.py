"""The work list for other programs: a table as CSV and XLSX, days as a calendar."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import xlsxwriter
from icalendar import Calendar, Event

from api.languages import Language
from api.pages.work_items import WorkItem
from api.texts import text

__all__ = ["calendar", "comma_separated", "spreadsheet"]

_DELIMITERS: Final = {Language.DUTCH: ";", Language.ENGLISH: ","}
# A spreadsheet takes a cell that starts like this for a formula.
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def _heads(language: Language) -> list[str]:
    return [
        text("Day", language),
        text("Structure", language),
        text("Identifier", language),
        text("What", language),
        text("Status", language),
        text("Reason", language),
        text("By", language),
    ]


def _cells(item: WorkItem) -> list[str]:
    due = "" if item.due is None else item.due.isoformat()
    return [due, item.name, item.asset, item.what, item.status, item.reason, item.who]


def comma_separated(items: Sequence[WorkItem], language: Language) -> bytes:
    """Write CSV in UTF-8 with the mark that Excel needs; no cell can be taken for a formula.

    Between the cells stands what a spreadsheet of the reader's country takes for it: where a comma is the decimal
    sign, all of a row came into one cell.
    """
    out = io.StringIO()
    table = csv.writer(out, delimiter=_DELIMITERS[language])
    table.writerow(_heads(language))
    for item in items:
        table.writerow([f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell for cell in _cells(item)])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def spreadsheet(items: Sequence[WorkItem], language: Language) -> bytes:
    """Write XLSX: text as text, days as days, a filter over the head."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet(text("Work list", language))
        bold, day = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd"})
        heads = _heads(language)
        for column, head in enumerate(heads):
            sheet.write_string(0, column, head, bold)
        for row, item in enumerate(items, start=1):
            for column, cell in enumerate(_cells(item)):
                if column == 0 and item.due is not None:
                    sheet.write_datetime(row, 0, datetime(item.due.year, item.due.month, item.due.day), day)  # noqa: DTZ001 -- a day has no zone
                else:
                    sheet.write_string(row, column, cell)
        sheet.autofilter(0, 0, max(len(items), 1), len(heads) - 1)
        sheet.freeze_panes(1, 0)
        sheet.autofit()
    return out.getvalue()


def calendar(items: Sequence[WorkItem], made_ns: int) -> bytes:
    """Write iCalendar: one whole-day event for each item with a day; advice is marked as tentative.

    Without an end such an event lasts that day (RFC 5545, 3.6.1), and the last day that there is has none after it.
    """
    book = Calendar()
    book.add("prodid", "-//Schouw//work list//")
    book.add("version", "2.0")
    made = datetime.fromtimestamp(made_ns // 1_000_000_000, tz=UTC)
    for item in items:
        if item.due is None:
            continue
        event = Event()
        event.add("uid", f"{item.uid}@schouw")
        event.add("dtstamp", made)
        event.add("dtstart", item.due)
        event.add("summary", f"{item.name}: {item.what}")
        event.add("description", f"{item.status}. {item.reason}".strip())
        event.add("status", "CONFIRMED" if item.is_planned else "TENTATIVE")
        event.add("transp", "TRANSPARENT")
        book.add_component(event)
    return bytes(book.to_ical())
