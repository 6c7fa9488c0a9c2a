"""Schemathesis over the whole OpenAPI document, against a real server, with all its checks and every role.

What it may not find: an answer or header that the document does not describe, a 500, a question outside the schema that
is accepted, a method that is missing in `Allow`, a route that works without a key. One check is left out
(`positive_data_acceptance`): a cursor that nobody handed out and a plan without a date fit the schema, and are refused
all the same. In `make test` each role has one example an operation beside the systematic ones;
`FUZZ_EXAMPLES=200 .venv/bin/pytest tests/integration/test_schema_fuzz.py` is thorough.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from api.cloud_events import WebhookRooms
from domain.access import Role
from storage.webhooks import WebhookStore
from tests.api_server import serving
from tests.unit.api.fakes import SETTINGS, make_town
from tests.unit.api.organisations import guard, make_key, open_ledger
from tests.unit.api.sql_town import SqlTown

EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "1")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[Role, str]]]:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    town = make_town()
    ledger = open_ledger(folder)
    guard(town, ledger)
    town.settings = replace(SETTINGS, allowed_hosts=("127.0.0.1",))
    hooks = WebhookRooms(WebhookStore(ledger._engine), lambda _: None, "urn:test")
    rooms = replace(SqlTown(folder, town).rooms, webhooks=hooks)
    with serving(rooms) as address:
        yield address, {role: make_key(ledger, "oost", role) for role in Role}


@pytest.mark.slow
@pytest.mark.parametrize("role", list(Role))
def test_nothing_is_found(service: tuple[str, dict[Role, str]], role: Role, tmp_path: Path) -> None:
    address, keys = service
    words = [
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{address}/v1/openapi.json",
        "--url", f"{address}/v1", "--checks", "all", "--exclude-checks", "positive_data_acceptance",
        "--phases", "examples,coverage,fuzzing" if role is Role.ADMIN else "examples,fuzzing",
        "--max-examples", EXAMPLES, "--seed", "1", "--generation-database", "none", "--no-color",
        # An event stream has no end of its own.
        "--exclude-path", "/events",
        "--header", f"Authorization: Bearer {keys[role]}",
    ]  # fmt: skip
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-8000:]
    assert " passed" in ran.stdout, ran.stdout[-3000:]
