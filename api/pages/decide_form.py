"""What the decision form shows: choices, what was typed, and what was wrong with it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Final

from fastapi import Request

from api.decision_body import ABOUT_ALARMS
from api.languages import Language
from api.terms import term
from api.texts import capital
from domain.access import Caller, Right
from domain.records import DecisionVerb

__all__ = ["DecideForm", "caller_of", "may_decide", "verb_choices"]

_ONCE_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class DecideForm:
    """A decision as it was typed; `faults` by name of the field.

    Attributes
    ----------
    once : str
        What tells one form that was shown from the next, so that it counts once however often it is sent; empty
        before it came back.
    """

    verb: str = ""
    reason: str = ""
    decided_by: str = ""
    due_on: str = ""
    condition: str = ""
    failed_on: str = ""
    whole_event: bool = False
    once: str = ""
    faults: dict[str, str] = field(default_factory=dict)

    def shown_once(self) -> str:
        """Give what the form carries as `once`: new for one that nobody sent yet."""
        return self.once or secrets.token_urlsafe(_ONCE_BYTES)


def caller_of(request: Request) -> Caller | None:
    """Give who asks, as `api.access.identify` found; None on a page that asks nobody."""
    found = request.scope.get("schouw.caller")
    return found if isinstance(found, Caller) else None


def may_decide(request: Request) -> bool:
    """Tell whether the form is shown at all."""
    caller = caller_of(request)
    return caller is not None and caller.may(Right.WRITE_DECISIONS)


def verb_choices(language: Language, *, with_alarm: bool) -> list[tuple[str, str]]:
    """List what may be decided; three verbs are about an alarm and nothing else."""
    choices = []
    for verb in DecisionVerb:
        if with_alarm or verb not in ABOUT_ALARMS:
            word = term("verb", verb, language)
            choices.append((verb.value, capital(word)))
    return choices
