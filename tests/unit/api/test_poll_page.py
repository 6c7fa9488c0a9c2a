"""The page on polling: each command on it works as written, and gives what stands beside it."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from pathlib import Path

import pytest

from tests.unit.api.client import Answer, Client

PAGE = (Path(__file__).parents[3] / "docs" / "how-to-poll.md").read_text(encoding="utf-8")
COMMANDS: list[str] = [
    line for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE) for line in block.splitlines()
]
ORIGIN = "http://127.0.0.1:8000"


def ask(client: Client, command: str) -> Answer:
    """Send what a `curl` command would."""
    words = shlex.split(command)
    assert words[0] == "curl"
    (address,) = [word for word in words if word.startswith(ORIGIN)]
    flags = {flag: [words[at + 1] for at, word in enumerate(words) if word == flag] for flag in ("-H", "-X", "-d")}
    headers = dict(header.split(": ", 1) for header in flags["-H"])
    method = next(iter(flags["-X"]), "GET")
    content = "".join(flags["-d"]).encode() or None
    return client.send(method, address.removeprefix(ORIGIN), headers=headers, content=content)


def one(part: str) -> str:
    found: list[str] = [command for command in COMMANDS if part in command]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("command", [command for command in COMMANDS if "pageSize=0" not in command])
def test_every_command_on_the_page_is_answered(command: str, client: Client) -> None:
    assert ask(client, command).status in {200, 201}


def test_lists_go_on_as_the_page_says(client: Client) -> None:
    first = ask(client, one("/v1/risks?pageSize=100").replace("pageSize=100", "pageSize=2"))
    body = first.json()
    assert set(body) == {"items", "next", "nextSince"}
    assert f"cursor={body['next']}" in first.headers["link"]
    narrow = ask(client, one("fields=")).json()["items"]
    assert {frozenset(item) for item in narrow} == {frozenset({"asset", "state", "advice", "expectedCostOfWaitingEur"})}


def test_what_changed_is_told_once(client: Client) -> None:
    command = one("since=start")
    start = ask(client, command).json()
    assert start["items"]
    again = ask(client, command.replace("since=start", f"since={start['nextSince']}")).json()
    assert again["items"] == []


def test_an_unchanged_answer_is_empty(client: Client) -> None:
    tag = ask(client, one("-D head.txt")).headers["etag"]
    command = re.sub(r"\$\(.*?\)\"", lambda _: tag.replace('"', '\\"') + '"', one("If-None-Match"))
    answer = ask(client, command)
    assert (answer.status, answer.content) == (304, b"")


@pytest.mark.parametrize("command", [command for command in COMMANDS if "format=csv" in command])
def test_tables_have_the_columns_that_the_page_names(command: str, client: Client) -> None:
    header, *rows = csv.reader(io.StringIO(ask(client, command).text))
    assert all(len(row) == len(header) for row in rows)
    if "/v1/risks" in command:
        assert {"remainingLifeDays.q50", "probabilityOfFailure.90.value"} <= set(header)


def test_the_map_is_geojson(client: Client) -> None:
    body = ask(client, one("bbox=")).json()
    assert body["type"] == "FeatureCollection"


def test_a_decision_sent_twice_is_written_once(client: Client) -> None:
    first, second = (ask(client, one("Idempotency-Key")) for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    other = one("Idempotency-Key").replace("order 4711", "another order")
    assert ask(client, other).status == 409
    assert json.dumps(first.json()["dueOn"]) in json.dumps(client.get("/v1/plans").json())


def test_problems_say_what_was_expected(client: Client) -> None:
    answer = ask(client, one("pageSize=0"))
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"title", "status", "detail", "errors"} <= set(answer.json())
    assert answer.status == 400
