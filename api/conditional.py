"""Answers for pollers: an entity tag on every risk and asset resource, and 304 when nothing changed.

The tag is a hash of the stored records behind the answer, so it can be compared before the answer is
made. Resources that carry `dataAgeSeconds` get a weak tag, because that figure moves by itself; theirs
also holds the hour of the clock, so that a copy kept through a stalled feed never claims to be more
than an hour fresher than it is. Such answers may be kept but must be revalidated (`private, no-cache`),
where all others are `no-store`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from fastapi import Request, Response
from pydantic import BaseModel

from api.edge import API_VERSION
from api.languages import Language

__all__ = ["entity_tag", "json_response", "revalidated"]

_CACHE_CONTROL: Final = "private, no-cache"
_HOUR_NS: Final = 3_600_000_000_000
_TAG_BYTES: Final = 16


def entity_tag(*parts: object, now_ns: int | None = None) -> str:
    """Make the tag of an answer.

    Parameters
    ----------
    parts : records and values
        All that the answer is made of; their `repr` must be the same for the same content.
    now_ns : int or None
        The clock, for answers that carry an age; their tag is weak.
    """
    hour = None if now_ns is None else now_ns // _HOUR_NS
    text = repr((API_VERSION, hour, parts)).encode("utf-8", "backslashreplace")
    digest = hashlib.blake2b(text, digest_size=_TAG_BYTES).hexdigest()
    return f'"{digest}"' if now_ns is None else f'W/"{digest}"'


def revalidated(request: Request, tag: str, language: Language | None = None) -> Response | None:
    """Answer 304 when the caller holds what it would get; None when it does not.

    Tags are compared weakly, as RFC 9110 section 13.1.2 asks for `If-None-Match`.
    """
    held = request.headers.get("if-none-match")
    if held is None:
        return None
    opaque = tag.removeprefix("W/")
    candidates = [part.strip().removeprefix("W/") for part in held.split(",")]
    if opaque not in candidates and candidates != ["*"]:
        return None
    return Response(status_code=304, headers=_headers(tag, language))


def json_response(
    answer: BaseModel,
    *,
    status: int = 200,
    tag: str | None = None,
    language: Language | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Write an answer as JSON; with a tag it may be kept and revalidated.

    Parameters
    ----------
    language : Language or None
        Of the sentences in it, where it holds any.
    """
    return Response(
        answer.model_dump_json(by_alias=True),
        status,
        {**_headers(tag, language), **(headers or {})},
        "application/json",
    )


def _headers(tag: str | None, language: Language | None) -> dict[str, str]:
    headers: dict[str, str] = {}
    if tag is not None:
        headers |= {"ETag": tag, "Cache-Control": _CACHE_CONTROL}
    if language is not None:
        headers |= {"Content-Language": language.value, "Vary": "Accept-Language"}
    return headers
