"""What the framework leaves open in a query, judged together with what it finds, so that all faults are told at once.

The framework checks each key by itself, before a route runs. What needs more stands here: a key that comes twice where
one value is meant, of which it takes the last; the service's largest page; names of members that the answer has not;
cursors that nobody handed out; keys that exclude each other. A cursor of another list, or of other filters, is known to
its route alone, and refused there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

from fastapi import Depends, Request
from fastapi.dependencies.utils import request_params_to_args
from fastapi.routing import APIRoute
from pydantic import BaseModel

from api.paging import refused_cursor, refused_since
from api.problems import FieldError, field_error, invalid_input
from api.questions import REPEATED

__all__ = ["asked_whole"]

_ERRORS_MOST = 20


async def _refuse_at_once(request: Request) -> None:
    route = request.scope["route"]
    assert isinstance(route, APIRoute)  # noqa: S101  # a dependency of routes alone
    own = list(_own_faults(request, route))
    if not own:
        return  # the framework tells its own faults
    _, faults = request_params_to_args(route.dependant.query_params, request.query_params)
    told = {error.field for error in own}
    others = [error for error in map(field_error, faults) if error.field.partition(".")[0] not in told]
    raise invalid_input([*own, *others][:_ERRORS_MOST])


asked_whole: Final = Depends(_refuse_at_once)  # of every route below /v1, behind its rights


def _own_faults(request: Request, route: APIRoute) -> Iterator[FieldError]:
    """Find what the framework does not look for; of a key that comes twice, nothing else is said."""
    query = request.query_params
    counts = Counter(name for name, _ in query.multi_items())
    twice = {name: count for name, count in counts.items() if count > 1 and name not in REPEATED}
    for name, count in twice.items():
        yield FieldError("query", name, f"{count} values", "one value; give this key once")
    given = {name: query[name] for name in _keys(route) & counts.keys() - twice.keys()}
    if "since" in given and "cursor" in given:
        yield FieldError("query", "cursor", "a cursor", "nothing, because `since` was given")
    elif "cursor" in given and (error := refused_cursor(given["cursor"])):
        yield error
    if "since" in given and "state" in given:
        expected = "nothing, because `since` was given: it tells what leaves a state too; look at `state` of each item"
        yield FieldError("query", "state", " ".join(query.getlist("state")), expected)
    most = request.app.state.rooms.settings.page_size_max
    if (size := _whole_number(given.get("pageSize"))) is not None and size > most:
        yield FieldError("query", "pageSize", str(size), f"a whole number from 1 to {most}")
    yield from _strange_members(given.get("fields"), route)
    if "since" in given and (error := refused_since(given["since"])):
        yield error


def _keys(route: APIRoute) -> set[str]:
    """Name the keys that a route takes."""
    models = [field.field_info.annotation for field in route.dependant.query_params]
    return {
        item.alias or name
        for model in models
        if isinstance(model, type) and issubclass(model, BaseModel)
        for name, item in model.model_fields.items()
    }


def _whole_number(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


def _strange_members(fields: str | None, route: APIRoute) -> Iterator[FieldError]:
    if not fields:
        return
    known = set(_members(route.response_model))
    expected = "names with commas, of: " + ", ".join(sorted(known))
    for name in (name.strip(" ") for name in fields.split(",")):
        if name not in known:
            yield FieldError("query", "fields", repr(name[:60]), expected)


def _members(answer: Any) -> Iterator[str]:  # whatever stands behind response_model
    """Name what `fields` may choose: members of the answer, or of a list's items."""
    if get_origin(answer) in {Union, UnionType}:
        for one in get_args(answer):
            yield from _members(one)
    elif isinstance(answer, type) and issubclass(answer, BaseModel):
        items = answer.model_fields.get("items")
        item = None if items is None else next(iter(get_args(items.annotation)), None)
        if item is not None:
            yield from _members(item)
        else:
            yield from (field.alias or name for name, field in answer.model_fields.items())
