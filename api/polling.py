"""Answers for pollers: made once for each state of the store, with a strong entity tag, and 304 when nothing changed.

What is asked again and again is kept ready, whole and compressed, together with the revision of the rows that it rests
on; as long as that stands, an answer costs one question to the store. Ages of data (`dataAgeSeconds`) are as of the
last full quarter of an hour, so that the same state gives the same bytes, on which a strong tag rests; whatever changes
gives a new answer at once. Nothing here crosses organisations: theirs is part of the key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, Final, NamedTuple

from fastapi import Request, Response
from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.types import Scope

from api.answer_cache import KeptAnswer, PreparedAnswer
from api.conditional import accepts_gzip, holds
from api.edge import API_VERSION
from api.languages import Language
from api.problems import FieldError, invalid_input
from api.rooms import ApiRooms
from api.tables import as_csv, csv_columns
from domain.access import Caller
from storage.protocols import RowKind

__all__ = [
    "CSV",
    "Made",
    "Question",
    "as_of_ns",
    "cached_answer",
    "media_type",
    "prepared_answer",
    "question_of",
    "tagged_answer",
]

CSV: Final = "text/csv; charset=utf-8"

_QUARTER_NS: Final = 900_000_000_000
_NS_PER_S: Final = 1_000_000_000
_ANSWER_BYTES: Final = 4_000_000
_QUESTIONS: Final = 4096
_CACHE_CONTROL: Final = "private, no-cache"


class Question(NamedTuple):
    """All of a request that its answer depends on, but what is negotiated; `credential` is a digest."""

    path: str
    query: bytes
    credential: bytes
    language: str


@dataclass(frozen=True, slots=True)
class Made:
    """What a route made: a model or text, and the headers that belong to it."""

    body: BaseModel | str
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"


def media_type(list_format: str) -> str:
    """Give the media type of a list in the format that was asked for."""
    return CSV if list_format == "csv" else "application/json"


def cached_answer(
    request: Request,
    rooms: ApiRooms,
    who: Caller,
    make: Callable[[int], Made],
    *,
    rests_on: RowKind = "rows",
    language: Language | None = None,
    fields: str | None = None,
) -> Response:
    """Answer from what is kept, or make it.

    Parameters
    ----------
    make : callable
        Given the time that ages are as of, makes the answer; asks nothing but rows of the kind that is named.
    rests_on : str
        What `AdvisoryStore.revisions` tells apart: any rows, newest assessments, or alarms; both with the register.
    fields : str or None
        Names of the items' members that are wanted, with commas.
    """
    stamp = (rooms.store.revisions().of(rests_on), as_of_ns(rooms))
    owner = None if who.organisation is None else who.organisation.id
    key = (owner, request.url.path, request.scope["query_string"], language)
    kept = rooms.answers.get(key)
    if kept is None or kept.stamp != stamp:
        with rooms.answers.made_once(key):
            kept = rooms.answers.get(key)
            if kept is None or kept.stamp != stamp:
                kept = _make_kept(make(stamp[1]), stamp, rests_on, kept, rooms.wall_clock_ns(), fields, language)
                if kept.is_packable and accepts_gzip(request.headers.get("accept-encoding", "")):
                    kept.packed()  # here, before others wait for it
                if len(kept.body) <= _ANSWER_BYTES:
                    rooms.answers.put(key, kept)
    if who.kind == "key":
        _remember(request, rooms, key)
    return _response(request.headers, kept)


def _remember(request: Request, rooms: ApiRooms, key: object) -> None:
    """Note what this very question led to, for `api.repeats`."""
    question = question_of(request.scope, request.headers, rooms)
    if question is not None and question not in rooms.repeats:
        if len(rooms.repeats) >= _QUESTIONS:
            rooms.repeats.clear()
        rooms.repeats[question] = key


def question_of(scope: Scope, headers: Headers, rooms: ApiRooms) -> Question | None:
    """Give all of a request that its answer depends on, but what is negotiated; None where there is no key."""
    authorization = headers.get("authorization")
    if authorization is None or "cookie" in headers or "content-length" in headers:
        return None
    credential = rooms.known.digest(authorization)
    return Question(str(scope["path"]), bytes(scope["query_string"]), credential, headers.get("accept-language", ""))


def as_of_ns(rooms: ApiRooms) -> int:
    """Give the last full quarter of an hour, which ages are as of."""
    return rooms.now_ns() // _QUARTER_NS * _QUARTER_NS


def tagged_answer(
    request: Request, rooms: ApiRooms, made: Made, *, language: Language | None = None, fields: str | None = None
) -> Response:
    """Answer with something that is made each time, with its strong tag."""
    return _response(request.headers, _make_kept(made, (0, 0), "rows", None, rooms.wall_clock_ns(), fields, language))


def _make_kept(
    made: Made,
    stamp: tuple[int, int],
    rests_on: RowKind,
    before: KeptAnswer | None,
    now_ns: int,
    fields: str | None,
    language: Language | None,
) -> KeptAnswer:
    body = _bytes(made, fields)
    tag = hashlib.blake2b(body + repr((API_VERSION, sorted(made.headers.items()))).encode(), digest_size=16).hexdigest()
    is_same = before is not None and before.tag == tag
    return KeptAnswer(
        stamp=stamp,
        rests_on=rests_on,
        body=body,
        tag=tag,
        modified=before.modified if is_same and before is not None else formatdate(now_ns // _NS_PER_S, usegmt=True),
        headers=made.headers,
        media_type=made.media_type,
        language=language,
    )


def prepared_answer(headers: Headers, kept: KeptAnswer) -> PreparedAnswer:
    """Give what is kept as it goes out for these headers of a request: whole, compressed, or 304."""
    which = _negotiated(headers, kept)
    prepared = kept.prepared.get(which)
    if prepared is None:
        made = _response(headers, kept)
        prepared = PreparedAnswer(made.status_code, tuple(made.raw_headers), bytes(made.body))
        kept.prepared[which] = prepared
    return prepared


def _negotiated(headers: Headers, kept: KeptAnswer) -> tuple[bool, bool]:
    """Tell whether an answer goes out compressed, and whether the caller has it already."""
    is_packed = kept.is_packable and accepts_gzip(headers.get("accept-encoding", ""))
    return is_packed, holds(headers, kept.tag)


def _response(asked: Headers, kept: KeptAnswer) -> Response:
    is_packed, is_held = _negotiated(asked, kept)
    language = kept.language
    headers = {
        "ETag": f'"{kept.tag}-gzip"' if is_packed else f'"{kept.tag}"',
        "Cache-Control": _CACHE_CONTROL,
        "Last-Modified": kept.modified,
        "Vary": "Accept-Encoding, Authorization, Cookie"
        if language is None
        else "Accept-Encoding, Accept-Language, Authorization, Cookie",
    }
    if language is not None:
        headers["Content-Language"] = language.value
    if is_held:
        return Response(status_code=304, headers=headers)
    headers |= kept.headers
    if is_packed:
        return Response(kept.packed(), headers=headers | {"Content-Encoding": "gzip"}, media_type=kept.media_type)
    return Response(kept.body, headers=headers, media_type=kept.media_type)


def _bytes(made: Made, fields: str | None) -> bytes:
    if isinstance(made.body, str):
        return made.body.encode("utf-8", "backslashreplace")
    if made.media_type == CSV:
        data = _narrowed(made.body.model_dump(mode="json", by_alias=True), made.body, fields)
        return as_csv(data, csv_columns(_item_of(made.body), only=_wanted(fields))).encode()
    if fields is None:
        return made.body.model_dump_json(by_alias=True).encode()
    data = _narrowed(made.body.model_dump(mode="json", by_alias=True), made.body, fields)
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


def _narrowed(data: dict[str, Any], model: BaseModel, fields: str | None) -> dict[str, Any]:
    """Leave out the members that were not asked for; of a list, those of its items."""
    if fields is None:
        return data
    is_list = "items" in type(model).model_fields
    kind = _item_of(model) if is_list else type(model)
    known = {item.alias or name for name, item in kind.model_fields.items()}
    wanted = _wanted(fields) or []
    strange = [name for name in wanted if name not in known]
    if strange:
        expected = "names with commas, of: " + ", ".join(sorted(known))
        raise invalid_input([FieldError("query", "fields", repr(name[:60]), expected) for name in strange[:20]])
    if not is_list:
        return {name: value for name, value in data.items() if name in wanted}
    return data | {"items": [{name: value for name, value in item.items() if name in wanted} for item in data["items"]]}


def _wanted(fields: str | None) -> list[str] | None:
    return None if fields is None else [name.strip(" ") for name in fields.split(",")]


def _item_of(model: BaseModel) -> type[BaseModel]:
    annotation = type(model).model_fields["items"].annotation
    (item,) = getattr(annotation, "__args__", (None,))
    assert isinstance(item, type)  # noqa: S101  # every listing names the type of its items
    assert issubclass(item, BaseModel)  # noqa: S101  # see above
    return item
