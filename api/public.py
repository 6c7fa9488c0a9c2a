"""Whose figures the public may see: those of the only organisation of a service, or of one that opened its page.

Where several share a service each says for itself, in the file of the organisations, whether strangers may look; to
them one that did not say so is as if it were not there.
"""

from __future__ import annotations

from fastapi import Request

from api.access import READING, identify, refuse_without, rooms_for, rooms_of, scoped_rooms
from api.problems import FieldError, invalid_input
from api.rooms import ApiRooms
from domain.access import Organisation

__all__ = ["public_organisations", "public_rooms"]


def public_rooms(request: Request, organisation: str | None) -> ApiRooms:
    """Give the rooms that anybody may look into; where nobody may, those of the caller.

    Parameters
    ----------
    organisation : str or None
        Whose; None: of the only one, or of the caller's own.

    Raises
    ------
    ProblemError
        401 or 403 as everywhere; 400 for an organisation that is not the caller's and not open.
    LoginNeededError
        Instead of 401, when a browser asks for a page.
    """
    rooms = rooms_of(request)
    if rooms.settings.public_page:
        if organisation is None and len(rooms.access.organisations) <= 1:
            return rooms
        asked = next((item for item in public_organisations(rooms) if item.id == organisation), None)
        if asked is not None:
            return rooms_for(rooms, asked)
    who = identify(request)
    for right in READING:
        refuse_without(who, right)
    if organisation is not None and (who.organisation is None or who.organisation.id != organisation):
        expected = "your own organisation, or one that opened its page"
        raise invalid_input([FieldError("query", "organisation", repr(organisation[:64]), expected)])
    return scoped_rooms(request, who)


def public_organisations(rooms: ApiRooms) -> list[Organisation]:
    """List the organisations of a shared service that opened their page to anybody."""
    shared = rooms.settings.public_page and len(rooms.access.organisations) > 1
    return [item for item in rooms.access.organisations if item.is_public] if shared else []
