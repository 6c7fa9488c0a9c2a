"""What the document says of a question is what is taken: no more, and no less."""

from __future__ import annotations

import re
from typing import Any

import jsonschema
import pytest

from api.questions import BOX_PATTERN
from tests.unit.api.client import Client
from tests.unit.api.town import make_town

BODY = {"verb": "inspect", "decidedBy": "J. de Vries", "reason": "Gezien"}


@pytest.fixture(scope="module")
def client() -> Client:
    """One for all: no answer here depends on what was asked before."""
    return make_town().client()


@pytest.fixture(scope="module")
def document(client: Client) -> Any:
    return client.get("/v1/openapi.json").json()


def parameters(document: Any) -> list[tuple[str, Any]]:
    return [
        (path, parameter)
        for path, item in document["paths"].items()
        for operation in item.values()
        for parameter in operation.get("parameters", ())
    ]


def test_no_parameter_can_be_null_and_a_page_has_the_service_s_maximum(document: Any) -> None:
    for path, parameter in parameters(document):
        assert {"type": "null"} not in parameter["schema"].get("anyOf", ()), (path, parameter["name"])
        if parameter["name"] == "pageSize":
            assert parameter["schema"]["maximum"] == 500


def test_fields_take_the_names_that_the_document_has(client: Client, document: Any) -> None:
    seen = 0
    for path, parameter in parameters(document):
        if parameter["name"] != "fields" or "{" in path or "series" in path:
            continue
        seen += 1
        pattern = parameter["schema"]["pattern"]
        names = sorted(set(re.findall(r"[A-Za-z]+", pattern)))
        assert client.get(f"/v1{path}?fields={','.join(names)}").status == 200
        assert re.search(pattern, ",".join(names)) is not None
        for wrong in ("nope", f"{names[0]},", f"{names[0]}.x", "*"):
            assert re.search(pattern, wrong) is None
            assert client.get(f"/v1{path}?fields={wrong}").status == 400
    assert seen == 6


@pytest.mark.parametrize("path", ["dead-letters", "quarantine", "audit-trail", "algorithm"])
def test_what_is_always_given_whole_takes_no_fields(client: Client, path: str) -> None:
    """It was taken and ignored, which looks as if it had worked."""
    answer = client.get(f"/v1/{path}?fields=id")
    assert answer.status == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["fields"]


@pytest.mark.parametrize(
    "reason",
    ["👩\u200d🔧 was ter plaatse", "Zie\u00a0bijlage", "Regel 1\nRegel 2\tkolom", "مشاهده شد", "a"],
)
def test_what_people_write_is_taken_as_a_reason(client: Client, document: Any, reason: str) -> None:
    pattern = document["components"]["schemas"]["AssetDecisionBody"]["properties"]["reason"]["pattern"]
    assert re.search(pattern, reason) is not None
    assert client.post("/v1/assets/brug-042/decisions", BODY | {"reason": reason}).status == 201


@pytest.mark.parametrize("reason", ["", "  ", "a\x00", "\x1b[31m", "goed\u202etegeof", "\u2066x", "a\u2028b", "\x85"])
def test_what_nobody_can_read_is_refused_as_a_reason(client: Client, document: Any, reason: str) -> None:
    schema = document["components"]["schemas"]["AssetDecisionBody"]["properties"]["reason"]
    assert len(reason) < schema["minLength"] or re.search(schema["pattern"], reason) is None
    answer = client.post("/v1/assets/brug-042/decisions", BODY | {"reason": reason})
    assert answer.status == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["reason"]


def test_the_schema_of_a_decision_says_what_each_verb_needs(document: Any) -> None:
    schemas = document["components"]["schemas"]
    for name in ("DecisionBody", "AssetDecisionBody"):
        plan, condition, others = schemas[name]["anyOf"]
        assert (plan["properties"]["verb"], plan["required"]) == ({"const": "plan"}, ["dueOn"])
        assert (condition["properties"]["verb"], condition["required"]) == (
            {"const": "correct-condition"},
            ["condition"],
        )
        verbs = set(others["properties"]["verb"]["enum"]) | {"plan", "correct-condition"}
        assert ("dismiss" in verbs) is (name == "DecisionBody")
        assert schemas[name]["required"] == ["verb", "decidedBy", "reason"]


@pytest.mark.parametrize(("condition", "status"), [(3, 201), (3.0, 201), (3.5, 400), (0, 400), (True, 400), ("3", 400)])
def test_a_score_is_a_whole_number_however_json_writes_it(client: Client, condition: object, status: int) -> None:
    body = BODY | {"verb": "correct-condition", "condition": condition}
    assert client.post("/v1/assets/brug-042/decisions", body).status == status


@pytest.mark.parametrize(
    ("box", "status"),
    [
        ("5.3,51.3,5.6,51.5", 200), ("-180,-90,180,90", 200), ("170,-10,-170,10", 200), ("5,52,6,51", 400),
        ("5,51,6", 400), ("1e1,1,2,2", 400), ("nan,1,2,2", 400), ("181,1,2,2", 400), ("180.5,1,2,2", 400),
        ("0,0,1,90.5", 400), ("٥,1,2,2", 400),
    ],
)  # fmt: skip
def test_a_box_is_four_numbers_in_degrees(client: Client, box: str, status: int) -> None:
    assert client.get(f"/v1/ogc/collections/risks/items?bbox={box}").status == status


@pytest.mark.parametrize(
    "path",
    [
        "/ogc", "/ogc/conformance", "/ogc/collections", "/ogc/collections/risks", "/ogc/collections/risks/items",
        "/ogc/collections/alarms/items", "/ogc/collections/plans/items?limit=1",
        "/ogc/collections/risks/items/brug-042", "/algorithm", "/decisions/d1/log",
    ],
)  # fmt: skip
def test_what_is_nested_is_described_and_nothing_else_is_given(client: Client, document: Any, path: str) -> None:
    """They were described as any object."""
    words = path.partition("?")[0].split("/")
    (known,) = (
        item["get"]
        for name, item in document["paths"].items()
        if len(parts := name.split("/")) == len(words)
        and all(part == word or part.startswith("{") for part, word in zip(parts, words, strict=True))
        and name != "/decisions/{decision_id}"
    )
    (content,) = known["responses"]["200"]["content"].values()
    answer = client.get(f"/v1{path}")
    assert answer.status == 200
    schema = {**content["schema"], "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(answer.json())
    described = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    assert set(answer.json()) == set(described["properties"])


def test_all_that_is_wrong_with_a_decision_is_told_at_once(client: Client) -> None:
    answer = client.post("/v1/assets/brug-042/decisions", {"verb": "plan", "condition": 9, "x": 1, "assessmentId": 7})
    told = {error["field"]: error["expected"] for error in answer.json()["errors"]}
    assert told == {
        "decidedBy": "the name of the person who decides",
        "reason": "a value",
        "assessmentId": "a valid string",
        "dueOn": "the date of the planned work, because the verb is `plan`",
        "condition": "less than or equal to 6",
        "x": "no such field; see /v1/openapi.json for the names",
    }


@pytest.mark.parametrize(
    ("field", "day", "status"),
    [
        *((field, day, 400) for field in ("dueOn", "failedOn") for day in ("1699-12-31", "2200-01-01")),
        *(("dueOn", day, 201) for day in ("1700-01-01", "2199-12-31")),
        ("failedOn", "1700-01-01", 201),  # a day to come is refused for that, in tests/unit/api/test_calibration.py
    ],
)
def test_a_day_lies_in_a_year_that_every_reader_can_work_with(
    client: Client, document: Any, field: str, day: str, status: int
) -> None:
    """One plan for the last day of 9999 took the calendar away from everybody."""
    body = {"verb": "plan", "decidedBy": "A", "reason": "x", "dueOn": "2026-10-05", field: day}
    answer = client.post("/v1/assets/brug-042/decisions", body)
    assert answer.status == status
    pattern = document["components"]["schemas"]["AssetDecisionBody"]["properties"][field]["pattern"]
    assert bool(re.search(pattern, day)) is (status == 201)
    if status == 400:
        assert [error["expected"] for error in answer.json()["errors"]] == ["a year from 1700 to 2199"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("fields=", "at least 1 character"),
        ("pageSize=0", "greater than or equal to 1"),
        ("pageSize=x", "a valid integer, unable to parse string as an integer"),
        ("state=zzz", "'act', 'watch', 'insufficient-data' or 'ok'"),
        ("&".join(["state=act"] * 21), "at most 20 items"),
    ],
)
def test_what_was_expected_reads_as_a_part_of_a_sentence(client: Client, query: str, expected: str) -> None:
    (error,) = client.get(f"/v1/risks?{query}").json()["errors"]
    assert error["expected"] == expected


@pytest.mark.parametrize(
    ("box", "fits"),
    [
        ("180,-90,-180,90", True),
        ("180.0,-90.000,-180.00,90.0", True),
        ("179.999,-89.9,5,6", True),
        ("180.45,1,2,3", False),
        ("1,-90.1,2,3", False),
        ("1,91,2,92", False),
    ],
)
def test_the_pattern_of_a_box_ends_where_the_earth_does(client: Client, box: str, fits: bool) -> None:  # noqa: FBT001 -- of a table
    """180.45 fitted the document and was refused."""
    assert (re.fullmatch(BOX_PATTERN, box) is not None) is fits
    assert (client.get(f"/v1/ogc/collections/risks/items?bbox={box}").status == 200) is fits
