"""Read a gateway's status: its birth, and the will that the broker publishes when it is gone."""

from __future__ import annotations

from typing import Literal, NamedTuple

from domain.errors import PayloadError
from ingest.formats.json_text import as_object, check_version, decode_json, describe, required
from ingest.formats.times import parse_time

__all__ = ["DecodedStatus", "GatewayState", "decode_status"]

GatewayState = Literal["online", "offline"]


class DecodedStatus(NamedTuple):
    """What a gateway says about itself.

    Attributes
    ----------
    session : int or None
        An offline counts only for the session it names: a will may come late, after a reconnect.
    since_ns : int or None
        When that state began, by the gateway's clock.
    clock_synced : bool or None
        Whether the gateway trusts its own clock; None where it does not say.
    """

    state: GatewayState
    session: int | None
    since_ns: int | None
    clock_synced: bool | None


def decode_status(payload: bytes) -> DecodedStatus:
    """Decode a status message.

    Raises
    ------
    PayloadError
        When it is not JSON, lacks `v` or `state`, or has something else in them than the format says.

    Examples
    --------
    >>> decode_status(b'{"v":1,"state":"online","since":"2026-11-23T08:59:58Z","clock_synced":true,"session":7}')
    DecodedStatus(state='online', session=7, since_ns=1795424398000000000, clock_synced=True)
    """
    message = as_object(decode_json(payload), "message")
    check_version(message)
    state = required(message, "state")
    if state not in ("online", "offline"):
        raise PayloadError("bad_value", f"got state {describe(state)}, expected 'online' or 'offline'")
    session = message.get("session")
    if session is not None and (type(session) is not int or not -(2**63) <= session < 2**63):
        raise PayloadError("wrong_type", f"got session {describe(session)}, expected a whole number")
    clock_synced = message.get("clock_synced")
    if clock_synced is not None and type(clock_synced) is not bool:
        raise PayloadError("wrong_type", f"got clock_synced {describe(clock_synced)}, expected true or false")
    return DecodedStatus(state, session, parse_time(message.get("since")), clock_synced)
