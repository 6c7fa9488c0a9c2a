"""Schemathesis over the OpenAPI document, against a real server, with all its checks.

What it may not find: an answer or header that the document does not describe, a 500, a question outside the schema that
is accepted or one inside it that is refused, a method that is missing in `Allow`, a route that works without a key.
What no schema can say of a question that should be taken is put right in `tests.integration.fuzz_hooks`.

In `make test` three roles see a part. By hand, for some minutes, every role sees all, systematic questions included:
`FUZZ_EXAMPLES=20 .venv/bin/pytest tests/integration/test_schema_fuzz.py`.
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
from tests.unit.api.organisations import guard, make_key, open_ledger
from tests.unit.api.sql_town import SqlTown
from tests.unit.api.town import SETTINGS, make_town

EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "")
SHORT = {
    "admin": ["--phases", "examples,fuzzing", "--max-examples", "1"],
    # The systematic part of what is written; of what is read it is long, and by hand.
    "planner": ["--phases", "coverage", "--include-method", "POST", "--exclude-path-regex", "webhooks"],
    "viewer": ["--phases", "fuzzing", "--max-examples", "1", "--mode", "negative"],
}
LONG = {role.value: ["--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES] for role in Role}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    town = make_town()
    ledger = open_ledger(folder)
    guard(town, ledger)
    town.settings = replace(SETTINGS, allowed_hosts=("127.0.0.1",))
    hooks = WebhookRooms(WebhookStore(ledger._engine), lambda _: None, "urn:test")
    rooms = replace(SqlTown(folder, town).rooms, webhooks=hooks)
    with serving(rooms) as address:
        yield address, {role.value: make_key(ledger, "oost", role) for role in Role}


@pytest.mark.slow
@pytest.mark.parametrize("role", [role.value for role in Role if EXAMPLES or role.value in SHORT])
def test_nothing_is_found(service: tuple[str, dict[str, str]], role: str, tmp_path: Path) -> None:
    address, keys = service
    words = [
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{address}/v1/openapi.json",
        "--url", f"{address}/v1", "--checks", "all", *(LONG if EXAMPLES else SHORT)[role],
        "--seed", "1", "--generation-database", "none", "--no-color",
        # An event stream has no end of its own.
        "--exclude-path", "/events",
        "--header", f"Authorization: Bearer {keys[role]}",
    ]  # fmt: skip
    root = Path(__file__).resolve().parents[2]
    place = os.environ | {"SCHEMATHESIS_HOOKS": "tests.integration.fuzz_hooks", "PYTHONPATH": str(root)}
    ran = subprocess.run(words, cwd=tmp_path, env=place, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-8000:]
    assert " passed" in ran.stdout, ran.stdout[-3000:]
