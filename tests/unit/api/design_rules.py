"""The rules of the NL GOV API Design Rules that can be read off an OpenAPI document, as the official linter has them.

Each rule is a function that gives what breaks it; an empty list means that the document follows it. What only
live answers can show (headers, problems, 404 on a trailing slash) is tested in `test_design_rules.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

Document = dict[str, Any]
Rule = Callable[[Document], list[str]]

_METHODS = {"get", "put", "post", "delete", "patch", "head", "options"}
_PROBLEM = "application/problem+json"


def operations(document: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every operation with its method and path."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in _METHODS:
                yield f"{method.upper()} {path}", operation


def _responses(document: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            yield name, status, response


def no_trailing_slash(document: Document) -> list[str]:
    return [path for path in document["paths"] if path.endswith("/")]


def path_segments_kebab_case(document: Document) -> list[str]:
    segment = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*|\{[^{}/]+\}")
    return [path for path in document["paths"] if not all(segment.fullmatch(part) for part in path.split("/")[1:])]


def query_keys_camel_case(document: Document) -> list[str]:
    return [
        f"{name} {parameter['name']}"
        for name, operation in operations(document)
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "query" and not re.fullmatch(r"[a-z][a-z0-9]*([A-Z][a-z0-9]*)*", parameter["name"])
    ]


def http_methods(document: Document) -> list[str]:
    known = _METHODS | {"parameters", "summary", "description", "servers"}
    return [f"{method} {path}" for path, item in document["paths"].items() for method in item if method not in known]


def uri_version(document: Document) -> list[str]:
    servers = [server["url"] for server in document.get("servers", [])]
    return ["no servers"] if not servers else [url for url in servers if not re.search(r"https?://[^/]+.*/v\d+$", url)]


def semver(document: Document) -> list[str]:
    version = document["info"].get("version", "")
    return [] if re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}", version) else [version]


def version_header(document: Document) -> list[str]:
    return [
        f"{name} {status}"
        for name, status, response in _responses(document)
        if status[0] in "23" and "api-version" not in {key.lower() for key in response.get("headers", {})}
    ]


def openapi_3(document: Document) -> list[str]:
    version = document.get("openapi", "")
    return [] if re.match(r"3\.(0|1)\.", version) else [version]


def doc_openapi_contact(document: Document) -> list[str]:
    contact = document["info"].get("contact", {})
    return [name for name in ("name", "url", "email") if not contact.get(name)]


def problem_details(document: Document) -> list[str]:
    faults = []
    for name, status, response in _responses(document):
        if status[0] not in "45" and status != "default":
            continue
        content = response.get("content", {})
        schema = _resolved(document, content.get(_PROBLEM, {}).get("schema", {}))
        if set(content) != {_PROBLEM} or not {"status", "title", "detail"} <= schema.get("properties", {}).keys():
            faults.append(f"{name} {status}")
    return faults


def invalid_input(document: Document) -> list[str]:
    return [
        name
        for name, operation in operations(document)
        if (operation.get("parameters") or operation.get("requestBody"))
        and ("400" not in operation["responses"] or "422" in operation["responses"])
    ]


def date_time(document: Document) -> list[str]:
    """Tell which fields named as a time or date say not that they are one."""
    faults = []
    for where, name, schema in _fields(document):
        formats = {part.get("format") for part in [schema, *schema.get("anyOf", [])]}
        is_time = re.search(r"(At|Time|Until)$|^(since|until)$", name) is not None
        is_day = re.search(r"[a-z]On$", name) is not None
        if (is_time and "date-time" not in formats) or (is_day and "date" not in formats):
            faults.append(f"{where}.{name}")
    return faults


def examples(document: Document) -> list[str]:
    """Tell which answers, good or bad, show no example; asked by our own issue, not by the linter."""
    return [
        f"{name} {status}"
        for name, status, response in _responses(document)
        if any("example" not in body and "examples" not in body for body in response.get("content", {}).values())
    ]


def _fields(document: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for where, schema in document["components"]["schemas"].items():
        for name, field in schema.get("properties", {}).items():
            yield where, name, field


def _resolved(document: Document, schema: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    return document["components"]["schemas"][reference.rpartition("/")[2]] if reference else schema


RULES: dict[str, Rule] = {
    "core/no-trailing-slash": no_trailing_slash,
    "core/path-segments-kebab-case": path_segments_kebab_case,
    "core/query-keys-camel-case": query_keys_camel_case,
    "core/http-methods": http_methods,
    "core/uri-version": uri_version,
    "core/semver": semver,
    "core/version-header": version_header,
    "core/doc-openapi": openapi_3,
    "core/doc-openapi-contact": doc_openapi_contact,
    "core/error-handling/problem-details": problem_details,
    "core/error-handling/invalid-input": invalid_input,
    "core/date-time": date_time,
    "examples": examples,
}
