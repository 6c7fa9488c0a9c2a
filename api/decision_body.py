"""A decision as a caller gives it: which fields a verb needs, and who it is that decides."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Final

from fastapi import Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, StringConstraints, ValidationInfo
from pydantic import field_validator as check_field
from pydantic.alias_generators import to_camel

from api.access import Who
from api.decided_on import assessment_decided_on
from api.problems import REQUIRED_OF_CALLER, FieldError, invalid_input
from api.rooms import ApiRooms
from api.times import IN_YEARS, has_come, parse_day
from domain.access import Caller
from domain.identifiers import AssetId
from domain.records import Alarm, DecisionVerb, EventVerb
from storage.protocols import DecisionDraft, OnceKey

__all__ = [
    "ABOUT_ALARMS",
    "ASSET_EXAMPLES",
    "DECISION_EXAMPLES",
    "EVENT_EXAMPLES",
    "AssetDecisionBody",
    "DecisionBody",
    "EventDecisionBody",
    "draft_decision",
    "draft_event",
    "named_by_systems",
    "once_key",
]

# What only makes sense about an alarm.
ABOUT_ALARMS: Final = (DecisionVerb.ACKNOWLEDGE, DecisionVerb.CONFIRM, DecisionVerb.DISMISS)
_NAME_EXPECTED: Final = "the name of the person who decides"
_NEEDED: Final = {"plan": ("dueOn", "string"), "correct-condition": ("condition", "integer")}


# Control characters, and what turns or breaks the direction of a line and so hides what stands there; joiners within
# words and emoji, and the spaces of word processors, are fine.
_UNREADABLE: Final = "\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069"
_READABLE: Final = re.compile(f"[^{_UNREADABLE}\\ud800-\\udfff]*")
# For the document: the same, with one character that is more than a space.
_TEXT: Final = {"pattern": f"^[^{_UNREADABLE}]*[^\\s{_UNREADABLE}][^{_UNREADABLE}]*$"}


def _readable(value: str) -> str:
    if _READABLE.fullmatch(value) is None:
        raise ValueError("expected readable text without control characters")
    return value


def _day(value: object) -> date | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("expected a date as text, YYYY-MM-DD")  # noqa: TRY004  # pydantic collects ValueError
    return parse_day(value)


def _whole(value: object) -> object:
    """Take 3.0 for 3, as JSON does, which has one kind of number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _with_name(schema: dict[str, Any]) -> None:
    """Say in the document that a key must name who decides."""
    schema["required"] = ["verb", "decidedBy", "reason"]
    given = schema["properties"]["decidedBy"]
    (text,) = [part for part in given.pop("anyOf") if part["type"] != "null"]
    schema["properties"]["decidedBy"] = text | {key: value for key, value in given.items() if key != "default"}


def _by_verb(schema: dict[str, Any]) -> None:
    """Say in the document what the framework cannot: a key must name who decides, and two verbs need a field more."""
    _with_name(schema)
    others = [verb.value for verb in DecisionVerb if verb.value not in _NEEDED]
    schema["anyOf"] = [
        {"properties": {"verb": {"const": verb}, field: {"type": kind}}, "required": [field]}
        for verb, (field, kind) in _NEEDED.items()
    ] + [{"properties": {"verb": {"enum": others}}}]


def _about_assets(schema: dict[str, Any]) -> None:
    _by_verb(schema)
    verbs = [verb.value for verb in DecisionVerb if verb not in ABOUT_ALARMS]
    schema["properties"]["verb"] = {"enum": verbs, "type": "string", "description": "What is decided."}
    schema["anyOf"][-1]["properties"]["verb"]["enum"] = [verb for verb in verbs if verb not in _NEEDED]


_Name = Annotated[
    Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, strict=True)] | None,
    Field(
        description="Who decides: a person's name. A system with a key must give it; for a person who is logged in "
        "it is their own name, and may be left out.",
        examples=["J. de Vries"],
        json_schema_extra=_TEXT,
    ),
]
_Why = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=4000, strict=True),
    Field(
        description="Why; an auditor will ask.",
        examples=["Seen on site: the abutment has moved."],
        json_schema_extra=_TEXT,
    ),
]


class DecisionBody(BaseModel):
    """A decision as a person gives it; the asset is the alarm's."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, json_schema_extra=_by_verb)

    verb: Annotated[DecisionVerb, Field(description="What is decided.")]
    decided_by: _Name = None
    reason: _Why
    assessment_id: Annotated[
        str | None,
        Field(
            max_length=256,
            description="The assessment it was based on; one of the alarm's asset. Of provisional ones the newest is "
            "kept once it is decided on: where a newer one has followed the one named here, that is recorded, and the "
            "answer names it.",
        ),
    ] = None
    due_on: Annotated[
        date | None,
        BeforeValidator(_day, json_schema_input_type=str | None),
        Field(
            description="Date of the planned work; `plan` needs it.",
            validate_default=True,
            json_schema_extra={"format": "date", "pattern": IN_YEARS},
        ),
    ] = None
    failed_on: Annotated[
        date | None,
        BeforeValidator(_day, json_schema_input_type=str | None),
        Field(
            description="The day on which it failed, where it did, whatever is decided about it now; what the "
            "forecasts said before is compared with it. Not in the future. A later decision with another day for the "
            "same failure corrects it.",
            json_schema_extra={"format": "date", "pattern": IN_YEARS},
        ),
    ] = None
    condition: Annotated[
        Annotated[StrictInt, Field(ge=1, le=6)] | None,
        BeforeValidator(_whole, json_schema_input_type=Annotated[int, Field(ge=1, le=6)] | None),
        Field(
            description="NEN 2767 score 1 to 6 as inspected; `correct-condition` needs it.",
            validate_default=True,
        ),
    ] = None

    @check_field("decided_by", "reason")
    @classmethod
    def _check_text(cls, value: str | None) -> str | None:
        return None if value is None else _readable(value)

    @check_field("due_on")
    @classmethod
    def _check_due(cls, value: date | None, info: ValidationInfo) -> date | None:
        if value is None and info.data.get("verb") is DecisionVerb.PLAN:
            raise ValueError("expected the date of the planned work, because the verb is `plan`")
        return value

    @check_field("condition")
    @classmethod
    def _check_condition(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is None and info.data.get("verb") is DecisionVerb.CORRECT_CONDITION:
            raise ValueError("expected a score from 1 to 6, because the verb is `correct-condition`")
        return value


class EventDecisionBody(BaseModel):
    """A decision about all alarms of an event that nobody has judged yet; other verbs speak of one structure."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, json_schema_extra=_with_name)

    verb: Annotated[EventVerb, Field(description="What is decided.")]
    decided_by: _Name = None
    reason: _Why

    @check_field("decided_by", "reason")
    @classmethod
    def _check_text(cls, value: str | None) -> str | None:
        return None if value is None else _readable(value)


class AssetDecisionBody(DecisionBody):
    """A decision about an asset without an alarm; `acknowledge`, `confirm` and `dismiss` are about alarms."""

    model_config = ConfigDict(json_schema_extra=_about_assets)


DECISION_EXAMPLES: Final[dict[str, Any]] = {
    "plan": {
        "summary": "Plan the repair",
        "value": {
            "verb": "plan",
            "decidedBy": "J. de Vries",
            "reason": "Crew and crane are free that week.",
            "dueOn": "2026-09-15",
        },
    },
    "repair": {
        "summary": "It failed and was repaired",
        "value": {
            "verb": "repair",
            "decidedBy": "J. de Vries",
            "reason": "The pump stood still; replaced.",
            "failedOn": "2026-02-11",
        },
    },
    "dismiss": {
        "summary": "Dismiss the alarm",
        "value": {"verb": "dismiss", "decidedBy": "J. de Vries", "reason": "Sensor was hit during mowing."},
    },
}
EVENT_EXAMPLES: Final[dict[str, Any]] = {
    "dismiss": {
        "summary": "Dismiss what a storm raised",
        "value": {
            "verb": "dismiss",
            "decidedBy": "J. de Vries",
            "reason": "The storm of 3 January; all levels are back.",
        },
    },
}
ASSET_EXAMPLES: Final = {name: example for name, example in DECISION_EXAMPLES.items() if name != "dismiss"}


def draft_event(
    given: EventDecisionBody, alarms: Sequence[Alarm], *, who: Caller, rooms: ApiRooms
) -> list[DecisionDraft]:
    """Put together what is written down for each alarm of an event; each rests on its asset's newest assessment."""
    one = DecisionBody.model_validate(given.model_dump(by_alias=True))
    drafts = [draft_decision(one, asset=alarm.asset, alarm_id=alarm.id, who=who, rooms=rooms) for alarm in alarms]
    return [replace(draft, event_id=alarm.event_id) for draft, alarm in zip(drafts, alarms, strict=True)]


def draft_decision(
    given: DecisionBody, *, asset: AssetId, alarm_id: str | None, who: Caller, rooms: ApiRooms
) -> DecisionDraft:
    """Put together what is written down: the name of the one who decides, and the assessment it rests on.

    Raises
    ------
    ProblemError
        400 with all that does not fit: a name that is missing or another's, an assessment of another asset, a verb
        that is about an alarm where there is none, a failure on a day to come.
    """
    errors: list[FieldError] = []
    name = given.decided_by
    if who.kind == "person":
        if name not in {None, who.name}:
            errors.append(FieldError("body", "decidedBy", repr(name), f"{who.name!r}, who is logged in, or nothing"))
        name = who.name
    elif name is None:
        errors.append(FieldError("body", "decidedBy", "nothing", _NAME_EXPECTED))
    if alarm_id is None and given.verb in ABOUT_ALARMS:
        errors.append(FieldError("body", "verb", repr(given.verb.value), "this verb at the address of an alarm"))
    if given.failed_on is not None and not has_come(given.failed_on, rooms.wall_clock_ns()):
        errors.append(FieldError("body", "failedOn", repr(given.failed_on.isoformat()), "a day that has come"))
    assessment: str | None = None
    try:
        assessment = assessment_decided_on(rooms.store, asset, given.assessment_id)
    except LookupError:
        expected = f"an assessment of asset {asset!r}, or nothing for its newest"
        errors.append(FieldError("body", "assessmentId", repr((given.assessment_id or "")[:100]), expected))
    if errors or name is None:
        raise invalid_input(errors)
    return DecisionDraft(
        asset=asset,
        verb=given.verb,
        decided_by=name,
        reason=given.reason,
        alarm_id=alarm_id,
        assessment_id=assessment,
        due_on=None if given.due_on is None else given.due_on.isoformat(),
        condition=given.condition,
        failed_on=None if given.failed_on is None else given.failed_on.isoformat(),
    )


async def named_by_systems(request: Request, who: Who) -> None:
    """Note that a system must say who decides, so that this is told with all else that is wrong with a body."""
    if who.kind != "person":
        request.scope[REQUIRED_OF_CALLER] = [("decidedBy", _NAME_EXPECTED)]


def once_key(key: str | None, given: DecisionBody | EventDecisionBody, *, about: str, who: Caller) -> OnceKey | None:
    """Turn an `Idempotency-Key` into hashes: of who asks and the key, and of what is asked."""
    if key is None:
        return None
    organisation = "" if who.organisation is None else who.organisation.id
    asks = f"{organisation}\x1f{who.kind}\x1f{who.id}\x1f{key}".encode("utf-8", "surrogatepass")
    asked = f"{about}\x1f{given.model_dump_json()}".encode("utf-8", "surrogatepass")
    return OnceKey(hashlib.sha256(asks).digest(), hashlib.sha256(asked).digest())
