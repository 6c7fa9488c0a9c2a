"""Errors over HTTP, all in the shape of RFC 9457 (`application/problem+json`).

A problem says in words what was got, what was expected and what to do. Input is judged as a whole:
`errors` names every field that is wrong, so that a caller mends all of them at once. What goes wrong
on our side never shows its insides; the server's own log has them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic.alias_generators import to_camel
from starlette.exceptions import HTTPException

from domain.errors import DecisionError, DecisionRepeated, StorageUnavailable

__all__ = [
    "FORM_NOT_OURS",
    "PROBLEM_JSON",
    "REQUIRED_OF_CALLER",
    "FieldError",
    "ProblemError",
    "add_problem_handlers",
    "field_error",
    "invalid_input",
    "not_found",
    "problem_response",
]

PROBLEM_JSON: Final = "application/problem+json"
# Title of the refusal of a form with another session's token; pages explain it in words of their own.
FORM_NOT_OURS: Final = "Form is not ours"
# In the scope of a request: names of the body that this caller must give though another need not, and what is expected.
REQUIRED_OF_CALLER: Final = "schouw.required"
# The validator's sentences without their subject: "String should have at least 1 character".
_OPENING: Final = re.compile(r"^[A-Z]\w* should (?:be|have|match) ")
_AFTERTHOUGHT: Final = re.compile(r" after validation, not .*$")
_LISTED: Final = {
    "alarm": "/v1/alarms",
    "assessment": "`assessmentId` of /v1/assets/{id}/risk/history",
    "asset": "/v1/assets",
    "decision": "/v1/decisions",
    "delivery": "/v1/webhooks/{id}/deliveries",
    "event": "`eventId` of /v1/alarms",
    "webhook": "/v1/webhooks",
}
# Long enough to recognise what was sent, short enough that an answer cannot be used to echo a flood.
_GOT_CHARACTERS: Final = 120
_ERRORS_MAX: Final = 100
# A locked or restarting store is usually back within seconds; see StorageUnavailable.
_RETRY_AFTER_SECONDS: Final = 5


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong with the input.

    Attributes
    ----------
    place : str
        `query`, `path`, `header` or `body`.
    field : str
        Name as the caller writes it; dotted where nested; empty for the whole body.
    got : str
        What was sent, as `repr`, shortened; `nothing` where it was missing.
    expected : str
        What would have been accepted.
    """

    place: str
    field: str
    got: str
    expected: str


class ProblemError(Exception):
    """A refusal that a route hands to the caller.

    Attributes
    ----------
    status : int
        HTTP status, 400 to 599.
    title : str
        What kind of problem, the same each time.
    detail : str
        This case, in one or two sentences.
    errors : tuple of FieldError
        Every fault of the input, where the input is at fault.
    headers : mapping
        Headers that belong to the status, such as `Retry-After`.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        errors: tuple[FieldError, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {title}: {detail}")
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = errors
        self.headers: Mapping[str, str] = headers or {}


def not_found(kind: str, identifier: str) -> ProblemError:
    """Say that there is no such thing under this identifier, and where those that there are can be seen."""
    listed = f"; {_LISTED[kind]} says which there are" if kind in _LISTED else ""
    return ProblemError(404, f"Unknown {kind}", f"There is no {kind} {_shortened(identifier)}{listed}.")


def invalid_input(errors: Sequence[FieldError]) -> ProblemError:
    """Say all that is wrong with the input."""
    fields = ", ".join(error.field or error.place for error in errors[:_ERRORS_MAX])
    count = "One field" if len(errors) == 1 else f"{len(errors)} fields"
    detail = f"{count} cannot be accepted: {fields}. See `errors` for what was expected."
    return ProblemError(400, "Invalid input", detail, tuple(errors[:_ERRORS_MAX]))


def problem_response(problem: ProblemError, path: str) -> Response:
    """Write a problem as an answer; `path` is as the router sees it, without its escapes."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": quote(path[: _GOT_CHARACTERS * 2], errors="replace"),
    }
    if problem.errors:
        body["errors"] = [
            {"in": error.place, "field": error.field, "got": error.got, "expected": error.expected}
            for error in problem.errors
        ]
    # ASCII escapes keep any text from outside, lone surrogates included, valid JSON.
    return Response(json.dumps(body), problem.status, dict(problem.headers), PROBLEM_JSON)


def add_problem_handlers(app: FastAPI) -> None:
    """Give every error that leaves a route the one shape; `api.edge` covers what escapes them."""
    app.add_exception_handler(ProblemError, _answer_problem)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(DecisionError, _answer_decision)
    app.add_exception_handler(StorageUnavailable, _answer_unavailable)


async def _answer_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101  # registered for this type alone
    return problem_response(error, request.url.path)


async def _answer_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for this type alone
    errors = [field_error(fault) for fault in error.errors()]
    for name, expected in request.scope.get(REQUIRED_OF_CALLER, ()):
        if isinstance(error.body, Mapping) and error.body.get(name) is None:
            errors.append(FieldError("body", name, "nothing", expected))
    return problem_response(invalid_input(errors), request.url.path)


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for this type alone
    if error.status_code == 400:  # noqa: PLR2004  # the framework's, for a body that is no JSON it can read
        got = "a body that cannot be read: not UTF-8, nested too deep, or with a number of thousands of digits"
        return problem_response(invalid_input([FieldError("body", "", got, "a JSON object")]), request.url.path)
    title = HTTPStatus(error.status_code).phrase
    method = request.method
    allowed = _allowed(request) if error.status_code == 405 else ""  # noqa: PLR2004  # method not allowed
    detail = {
        404: "There is nothing at this address; paths have no trailing slash, and /v1/openapi.json lists them.",
        405: f"This address does not take {method}; it takes {allowed or 'GET'}.",
    }.get(error.status_code, str(error.detail))
    headers = {**(error.headers or {}), **({"Allow": allowed} if allowed else {})}
    problem = ProblemError(error.status_code, title, detail, headers=headers)
    return problem_response(problem, request.url.path)


async def _answer_decision(request: Request, error: Exception) -> Response:
    if isinstance(error, DecisionRepeated):
        return problem_response(ProblemError(409, "Key was used before", str(error)), request.url.path)
    return problem_response(ProblemError(400, "Decision cannot be taken", str(error)), request.url.path)


async def _answer_unavailable(request: Request, _error: Exception) -> Response:
    problem = ProblemError(
        503,
        "Storage is not available",
        "The store is away, locked or full for now. Nothing was changed; ask again after `Retry-After` seconds.",
        headers={"Retry-After": str(_RETRY_AFTER_SECONDS)},
    )
    return problem_response(problem, request.url.path)


def _allowed(request: Request) -> str:
    """List the methods of an address: of all routes with the most telling of the paths that it matches."""
    found: dict[str, set[str]] = {}
    for context in iter_route_contexts(request.app.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and route.path_regex.match(request.url.path):
            found.setdefault(route.path, set()).update(route.methods or ())
    if not found:
        return ""
    methods = found[max(found, key=len)]
    return ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))  # `api.edge` answers HEAD


def field_error(fault: Mapping[str, Any]) -> FieldError:
    """Put a fault that the framework found into our words."""
    place, *names = [str(part) for part in fault["loc"]]
    kind = fault["type"]
    if kind == "json_invalid":
        return FieldError("body", "", "text that is not JSON", "a JSON object")
    value = fault.get("input")
    if kind == "value_error" and value is None:  # a field left out, which another field asks for
        names = [to_camel(name) for name in names]
    got = "nothing" if kind == "missing" or value is None else _shortened(value)
    told = _OPENING.sub("", str(fault["msg"]).removeprefix("Value error, ").removeprefix("expected "))
    expected = {"missing": "a value", "extra_forbidden": "no such field; see /v1/openapi.json for the names"}.get(
        kind, _AFTERTHOUGHT.sub("", told)
    )
    return FieldError(place, ".".join(names), got, expected)


def _shortened(value: object) -> str:
    text = repr(value[: _GOT_CHARACTERS * 2] if isinstance(value, str) else value)
    return text if len(text) <= _GOT_CHARACTERS else f"{text[:_GOT_CHARACTERS]}..."
