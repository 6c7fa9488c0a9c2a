"""Sensors and gateways: how far the readings can be trusted, who is silent, what was refused, who is unknown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.access import reads_pages
from api.figures import local_time, number
from api.page_rows import sensor_row
from api.pages.decide_form import caller_of
from api.pages.frame import PageQuestion, asset_names, page_language, render
from api.pages.live import follows
from api.questions import Rooms
from api.rooms import ApiRooms
from api.terms import alarm_title, term
from api.texts import capital, marked, plural, text
from domain.access import Right
from domain.identifiers import AssetId
from domain.measurements import DataQuality, SensorStatus
from domain.records import STANDING_STATES, Alarm, is_about_condition

__all__ = ["router"]

router = APIRouter(include_in_schema=False, dependencies=[*reads_pages(), follows()])

_SHOWN: Final = 100
_LETTERS_SHOWN: Final = 10
# So many stand open; the rest is folded, so that the page stays short on a narrow screen.
_CHANNELS_FIRST: Final = 8
_LETTERS_FIRST: Final = 3
# The two reasons that `ingest.resolve` has for holding messages.
_UNKNOWN_STRUCTURE: Final = marked("The register does not know this structure.")
_UNKNOWN_SENSOR: Final = marked("The register knows the structure, but not this sensor.")


class SensorsQuestion(PageQuestion):
    """What the page may be asked; `onboarded` right after an onboarding."""

    onboarded: Annotated[str, Field(max_length=64)] = ""


@router.get("/sensors")
def show_sensors(request: Request, rooms: Rooms, question: Annotated[SensorsQuestion, Query()]) -> Response:
    """Show what is wrong with the measuring itself."""
    language = page_language(request, question)
    now_ns = rooms.now_ns()
    grades = rooms.overview.grades(now_ns)
    troubled = rooms.overview.troubled(now_ns, limit=_SHOWN)
    names = asset_names(rooms, [status.asset for status in troubled])
    alarms = _alarms_about(rooms, troubled)
    gateways = [
        {
            "id": gateway.id,
            "state": "" if gateway.state is None else term("gateway_state", gateway.state, language),
            "since": "" if gateway.since_ns is None else local_time(gateway.since_ns, language),
            "channels": number(gateway.channels, language),
            "silent": number(gateway.silent, language),
            "is_silent": gateway.silent > 0,
            "is_bad": gateway.silent > 0 or gateway.state not in {None, "online"},
        }
        for gateway in rooms.overview.gateways(now_ns)
    ]
    caller = caller_of(request)
    may_see = caller is not None and caller.may(Right.READ_REFUSALS)
    return render(
        "sensors.html",
        request,
        rooms,
        question,
        grades=[
            (
                quality.value,
                term("quality", quality, language),
                number(grades.get(quality, 0), language),
                plural("channel", "channels", grades.get(quality, 0), language),
            )
            for quality in DataQuality
        ],
        troubled=[
            {
                "asset": status.asset,
                "name": names[status.asset],
                "sensor": sensor_row(status, language, now_ns),
                "alarms": [(alarm.id, alarm_title(alarm.kind, language)) for alarm in about],
            }
            for status, about in zip(troubled, alarms, strict=True)
        ],
        troubled_most=_SHOWN,
        channels_first=_CHANNELS_FIRST,
        letters_first=_LETTERS_FIRST,
        has_channels=any(grades.values()),
        may_see=may_see,
        may_onboard=may_see and caller is not None and caller.may(Right.ONBOARD),
        onboarded=question.onboarded,
        bad_gateways=[gateway for gateway in gateways if gateway["is_bad"]],
        good_gateways=[gateway for gateway in gateways if not gateway["is_bad"]],
        quarantine=[
            {
                "gateway": sender.gateway,
                "asset": sender.asset,
                "sensor": sender.sensor,
                "messages": number(sender.messages, language),
                "since": local_time(sender.first_received_ns, language),
                "reason": text(_UNKNOWN_STRUCTURE if sender.reason.startswith("asset ") else _UNKNOWN_SENSOR, language),
                "example": sender.example[:200],
            }
            for sender in (rooms.store.quarantine(limit=_SHOWN) if may_see else ())
        ],
        letters=[
            {
                "topic": letter.topic,
                "gateway": letter.gateway,
                "fault": capital(term("refusal", letter.code, language)),
                "reason": letter.reason,
                "head": letter.head.decode("utf-8", "backslashreplace")[:120],
                "when": local_time(letter.received_at_ns, language),
            }
            for letter in (rooms.store.dead_letters(limit=_LETTERS_SHOWN) if may_see else ())
        ],
    )


def _alarms_about(rooms: ApiRooms, channels: Sequence[SensorStatus]) -> list[list[Alarm]]:
    """Give the standing alarms about each channel, or its whole sensor: one of a kind, the newest first."""
    found: dict[AssetId, list[Alarm]] = {}
    for asset in dict.fromkeys(status.asset for status in channels):
        standing = rooms.store.alarms(asset=asset, states=STANDING_STATES, limit=_SHOWN)
        found[asset] = [item for item in standing if item.cleared_at_ns is None and not is_about_condition(item.kind)]
    about: list[list[Alarm]] = []
    for status in channels:
        subjects = {status.sensor, f"{status.sensor}/{status.channel}"}
        newest: dict[str, Alarm] = {}
        for alarm in found[status.asset]:
            if alarm.subject in subjects:
                newest.setdefault(alarm.kind, alarm)
        about.append(list(newest.values()))
    return about
