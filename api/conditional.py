"""Conditional requests: does the caller hold what it would get; and plain JSON answers, which are not kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel
from starlette.datastructures import Headers

from api.languages import Language

__all__ = ["accepts_gzip", "holds", "json_response", "json_text", "revalidated"]


def holds(headers: Headers, opaque: str) -> bool:
    """Tell whether the caller has the answer with this tag already, compressed or not.

    Tags are compared weakly, as RFC 9110 section 13.1.2 asks for `If-None-Match`.
    """
    held = headers.get("if-none-match")
    if held is None:
        return False
    candidates = [part.strip().removeprefix("W/").strip('"').removesuffix("-gzip") for part in held.split(",")]
    return opaque in candidates or candidates == ["*"]


def revalidated(request: Request, tag: str) -> Response | None:
    """Answer 304 when the caller holds what it would get; None when it does not."""
    return Response(status_code=304, headers={"ETag": tag}) if holds(request.headers, tag.strip('"')) else None


def accepts_gzip(accepted: str) -> bool:
    """Tell whether a caller with this `Accept-Encoding` takes an answer compressed with gzip."""
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() in {"gzip", "*"}:
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def json_response(
    answer: BaseModel, *, status: int = 200, language: Language | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """Write an answer as JSON, not to be kept.

    Parameters
    ----------
    language : Language or None
        Of the sentences in it, where it holds any.
    """
    spoken = {} if language is None else {"Content-Language": language.value, "Vary": "Accept-Language"}
    return Response(answer.model_dump_json(by_alias=True), status, {**spoken, **(headers or {})}, "application/json")


def json_text(body: Mapping[str, Any], language: Language) -> Response:
    """Write an answer that is no model as JSON, not to be kept."""
    spoken = {"Content-Language": language.value, "Vary": "Accept-Language"}
    return Response(json.dumps(body, ensure_ascii=False), headers=spoken, media_type="application/json")
