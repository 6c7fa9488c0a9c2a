"""Onboarding in two clicks: the row of an unknown sender, then the button below what was read from its messages."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import Field

from api.access import Who, checked_form, needs, reads_pages
from api.languages import Language
from api.onboarding import ChannelRow, Onboarding, OnboardingFault, Proposal, fault_sentence
from api.pages.frame import PageQuestion, address, page_language, render
from api.pages.live import follows
from api.problems import ProblemError, not_found
from api.questions import Rooms
from api.rooms import ApiRooms
from api.terms import term
from domain.access import Right
from domain.identifiers import ID_PATTERN, AssetId, GatewayId, SensorId
from domain.register import AssetType, Role
from storage.protocols import SensorKey

__all__ = ["router"]

router = APIRouter(
    include_in_schema=False, dependencies=[*reads_pages(), needs(Right.READ_REFUSALS), needs(Right.ONBOARD), follows()]
)

_ROWS_MOST: Final = 40
_AT_ONCE: Final = 1000
Identifier = Annotated[str, Field(pattern=f"^{ID_PATTERN}$")]
Cells = Annotated[list[str], Form(max_length=_ROWS_MOST)]


class SenderQuestion(PageQuestion):
    """Which sender."""

    gateway: Identifier
    asset: Identifier
    sensor: Identifier


@router.get("/sensors/onboard")
def show_onboarding(request: Request, rooms: Rooms, question: Annotated[SenderQuestion, Query()]) -> Response:
    """Show what the messages of an unknown sender tell, ready to be confirmed."""
    proposal = _proposal(rooms, question.gateway, question.asset, question.sensor)
    rows = proposal.rows or (ChannelRow(""),)
    return _page(request, rooms, question, proposal, rows=rows, name=proposal.asset, asset_type="", faults=[])


@router.post("/sensors/onboard", dependencies=[checked_form])
def take_onboarding(
    request: Request,
    rooms: Rooms,
    who: Who,
    gateway: Annotated[str, Form(pattern=f"^{ID_PATTERN}$")],
    asset: Annotated[str, Form(pattern=f"^{ID_PATTERN}$")],
    sensor: Annotated[str, Form(pattern=f"^{ID_PATTERN}$")],
    channel: Cells,
    axis: Cells,
    unit: Cells,
    interval_s: Cells,
    role: Cells,
    name: Annotated[str, Form(max_length=200)] = "",
    asset_type: Annotated[str, Form(max_length=16)] = "",
    lang: Annotated[str, Form(max_length=2)] = "",
) -> Response:
    """Write the register; a row whose channel was emptied is left out."""
    question = SenderQuestion(
        lang=Language(lang) if lang in set(Language) else None, gateway=gateway, asset=asset, sensor=sensor
    )
    proposal = _proposal(rooms, gateway, asset, sensor)
    cells = zip(channel, axis, unit, interval_s, role, strict=False)
    rows = [ChannelRow(*(text.strip() for text in row)) for row in cells if row[0].strip()]
    names = who.organisation.register_names if who.organisation is not None else None
    organisation = names[0] if names else ""
    faults = _onboarding(rooms).accept(proposal, name=name, asset_type=asset_type, organisation=organisation, rows=rows)
    if faults:
        kept = rows or [ChannelRow("")]
        return _page(
            request, rooms, question, proposal, rows=kept, name=name, asset_type=asset_type, faults=faults, status=422
        )
    target = address("/sensors", PageQuestion(lang=question.lang), onboarded=sensor)
    return Response(status_code=303, headers={"Location": target})


def _onboarding(rooms: ApiRooms) -> Onboarding:
    if rooms.onboarding is None:
        raise ProblemError(503, "Not here", "Onboarding is not available in this installation.")
    return rooms.onboarding


def _proposal(rooms: ApiRooms, gateway: str, asset: str, sensor: str) -> Proposal:
    """Read a sender that waits in the quarantine of the caller's organisation.

    Raises
    ------
    ProblemError
        404 if none such waits, or its asset is another organisation's.
    """
    if not _waits(rooms, (gateway, asset, sensor)):
        raise not_found("unknown sender", f"{gateway}/{asset}/{sensor}")
    proposal = _onboarding(rooms).propose(GatewayId(gateway), AssetId(asset), SensorId(sensor))
    if proposal.is_known_asset and rooms.store.asset(proposal.asset) is None:
        raise not_found("asset", asset)
    return proposal


def _waits(rooms: ApiRooms, sender: tuple[str, str, str]) -> bool:
    """Tell whether a sender is in the quarantine, however many are: they are listed by gateway, asset and sensor."""
    gateway, asset, _ = sender
    after = SensorKey(gateway, asset, "")
    while True:
        found = [
            (item.gateway, item.asset, item.sensor) for item in rooms.store.quarantine(after=after, limit=_AT_ONCE)
        ]
        if sender in found:
            return True
        if len(found) < _AT_ONCE or found[-1] > sender:
            return False
        after = SensorKey(*found[-1])


def _page(
    request: Request,
    rooms: ApiRooms,
    question: SenderQuestion,
    proposal: Proposal,
    *,
    rows: list[ChannelRow] | tuple[ChannelRow, ...],
    name: str,
    asset_type: str,
    faults: list[OnboardingFault],
    status: int = 200,
) -> Response:
    language = page_language(request, question)
    return render(
        "onboard.html",
        request,
        rooms,
        question,
        status=status,
        proposal=replace(proposal, rows=tuple(rows)),
        name=name,
        asset_type=asset_type,
        types=[(kind.value, term("asset_type", kind, language)) for kind in AssetType],
        roles=[(role.value, term("role", role, language)) for role in Role],
        faults=faults,
        sentence=lambda fault: fault_sentence(fault, language),
        invalid={(fault.row, fault.field) for fault in faults},
    )
