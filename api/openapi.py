"""The OpenAPI document: generated from the routes, then brought in line with the API design rules.

What is the same for every operation is written once, here: the `API-Version` header on each success,
problem details on each error, 400 instead of the framework's 422, examples, and the server address
that carries the major version, so that paths in the document start behind it.
"""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.edge import API_VERSION
from api.examples import EXAMPLES
from api.precise import make_precise
from api.problems import PROBLEM_JSON
from api.rooms import ApiSettings
from api.schemas_service import Problem
from api.tables import as_csv

__all__ = ["make_document", "operation_id"]

_PREFIX: Final = "/v1"
_TAGS: Final = (
    ("risks", "What to look at first, how sure that is, and why."),
    ("alarms", "Calls to look, within a budget of false alarms."),
    ("decisions", "What people decided: an append-only, hash-chained log."),
    ("map", "The same as GeoJSON, as OGC API Features has it."),
    ("events", "Changes as they come."),
    ("assets", "Structures as their owner registered them, and what was measured."),
    ("sensors", "Channels of the register and how they are doing."),
    ("refusals", "What was not taken in, and why."),
    ("accountability", "What the algorithm is, and how a decision came about."),
    ("webhooks", "Telling other systems what changed."),
    ("access", "Who asks, and what was done by whom."),
)
# Items of which `fields` may leave out members.
_NARROWED: Final = {
    "AlarmItem", "AssetItem", "ChannelItem", "DecisionItem", "RiskItem", "SensorItem", "SeriesPointItem",
}  # fmt: skip
_ERRORS: Final = {
    "400": ("Something in the question is wrong; `errors` names all of it.", "Invalid input"),
    "401": ("No key or session that holds was sent.", "Not known"),
    "403": ("The key or person does not have the right that this needs.", "Not allowed"),
    "429": ("Too many requests in a short time; ask again after `Retry-After` seconds.", "Too many requests"),
    "404": ("There is no such thing.", "Unknown asset"),
    "409": ("This `Idempotency-Key` came before with another decision.", "Key was used before"),
    "413": ("The body is too large.", "Body too large"),
    "414": ("The address is too long.", "Address too long"),
    "431": ("The headers are too large.", "Headers too large"),
    "415": ("The body is not declared as application/json.", "Unsupported media type"),
    "500": ("Something went wrong on our side.", "Internal error"),
    "503": ("The store is not available for now; ask again after `Retry-After` seconds.", "Storage is not available"),
}
_DESCRIPTION: Final = """\
Schouw listens to sensors on bridges, roads, tunnels, locks and quays and says which structure will need work,
when, how sure that is, and why. It advises; people decide.

**Ranking.** `/v1/risks` is ordered by state, then by the expected cost of waiting 90 days.

- `act`: a condition alarm is open, or waiting 90 days is expected to cost more than a set share of the planned repair.
- `watch`: evidence of damage is growing, but the budget for false alarms is not yet spent on it.
- `insufficient-data`: the sensors do not tell enough. This never means healthy.
- `ok`: measured, and as expected.

**Numbers.** Every chance is within a stated horizon and has an 80 % interval; amounts are euros; times are UTC
(questions may carry any offset). `indicativeCondition` is read from sensors and is not an inspected NEN 2767 score.

**Polling.** Lists and items carry a strong `ETag`: send it back as `If-None-Match` and an unchanged answer is an empty
304. `dataAgeSeconds` is as of the last full quarter of an hour (work with `assessedAt` where that is too coarse). With
`since` a list gives only what changed: begin with `since=start`, go on with `nextSince` of the answer. `fields` leaves
out what you do not need, answers are compressed with gzip, and `/v1/events` tells changes as they come.

**Lists** are `{"items": [...], "next": cursor or null}`; pass `next` as `cursor`, or follow the `Link` header.

**Questions** are closed: a key that does not exist, or is given twice where it takes one value, is refused with 400. Of
`state` several may be given.

**Languages.** Sentences are English or Dutch (`lang`, or `Accept-Language`); codes beside them are for machines.

**Access.** Send `Authorization: Bearer` with a key of your organisation; you see what is your organisation's.
Each key may ask so many times a minute; 429 says in `Retry-After` when to go on.

**Operations.** Outside this document: `/livez`, `/readyz` and `/metrics`.
"""
_DEMO: Final = "\n**This is a demonstration: all assets and readings are simulated.**\n"


def operation_id(name: str) -> str:
    """Turn a route's name into an operation identifier: `list_risks` becomes `listRisks`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def make_document(app: FastAPI, settings: ApiSettings) -> dict[str, Any]:
    """Make the OpenAPI document of an application.

    Returns
    -------
    dict
        JSON-ready; paths are relative to the server address `.../v1`.
    """
    document = get_openapi(
        title=f"Schouw: maintenance risks of {settings.organisation}",
        version=API_VERSION,
        summary="Which structure needs work, when, how sure that is, and why.",
        description=_DESCRIPTION + (_DEMO if settings.demo else ""),
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in _TAGS],
        servers=[{"url": f"{settings.public_url}{_PREFIX}", "description": "This service"}],
        license_info={"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
    )
    document["info"]["contact"] = {
        "name": settings.contact_name,
        "url": settings.contact_url,
        "email": settings.contact_email,
    }
    document["paths"] = {path.removeprefix(_PREFIX): item for path, item in document["paths"].items()}
    schemas = document["components"]["schemas"]
    for path, item in document["paths"].items():
        for method, operation in item.items():
            _complete(operation, has_path_parameter="{" in path, writes=method == "post")
            make_precise(operation, schemas, page_size_max=settings.page_size_max)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for name in _NARROWED & schemas.keys():
        schemas[name].pop("required", None)
        schemas[name]["description"] += " Every member is there, unless `fields` chose some."
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs")
    schemas["Problem"] = problem
    document["components"]["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "Key of a system; an administrator makes it."}
    }
    document["security"] = [{"key": []}]
    document["components"]["headers"] = {
        "API-Version": {
            "description": "Semantic version of this interface.",
            "schema": {"type": "string", "examples": [API_VERSION]},
        }
    }
    return document


def _complete(operation: dict[str, Any], *, has_path_parameter: bool, writes: bool) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    for status, response in responses.items():
        if status == "304":
            response["description"] = "What you hold is what you would get."
            response.pop("content", None)
        response.setdefault("headers", {})["API-Version"] = {"$ref": "#/components/headers/API-Version"}
        body = response.get("content", {}).get("application/json")
        if body is not None:
            body["example"] = EXAMPLES[operation["operationId"]]
        for kind in ("application/geo+json", "text/event-stream"):
            if kind in response.get("content", {}):
                response["content"][kind]["example"] = EXAMPLES[operation["operationId"]]
                described = response["content"].pop("application/json", {})
                response["content"][kind].setdefault("schema", described.get("schema", {}))
        table = response.get("content", {}).get("text/csv")
        if table is not None:
            table["example"] = as_csv(EXAMPLES[operation["operationId"]])
    wanted = {"400", "401", "403", "414", "429", "431", "500", "503"}
    if has_path_parameter:
        wanted.add("404")
    if writes:
        wanted |= {"413", "415"}
    wanted |= _ERRORS.keys() & responses.keys()
    for status in sorted(wanted):
        description, title = _ERRORS[status]
        responses[status] = {
            "description": description,
            "content": {
                PROBLEM_JSON: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "example": _example(int(status), title),
                }
            },
        }
        if status in {"429", "503"}:
            responses[status]["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}


def _example(status: int, title: str) -> dict[str, Any]:
    example: dict[str, Any] = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": _ERRORS[str(status)][0],
        "instance": "/v1/risks",
    }
    if status == 400:  # noqa: PLR2004  # the one status that carries `errors`
        example["errors"] = [
            {"in": "query", "field": "pageSize", "got": "'9000'", "expected": "a whole number from 1 to 500"}
        ]
    return example
