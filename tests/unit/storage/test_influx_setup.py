"""What is made in servers of 2.x and 3.x, against a server that answers as their documentation says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.errors import StorageUnavailable
from storage.influx_query import InfluxReader
from storage.influx_setup import mend_influx
from storage.influx_target import InfluxKind, InfluxTarget
from tests.fake_influx import Answer, Asked, answering
from tests.influx_server import InfluxServer


class Two:
    """An InfluxDB 2 with one organisation."""

    def __init__(self) -> None:
        self.buckets: list[dict[str, Any]] = []
        self.mappings: list[dict[str, Any]] = []

    def answer(self, request: Asked) -> Answer:
        body = json.loads(request.body) if request.body else {}
        match request.method, request.path.removeprefix("/api/v2/").split("/"):
            case "GET", ["orgs"]:
                mine = [{"id": "0a", "name": "waterschap"}] if request.parameters["org"] == "waterschap" else []
                return Answer(200, {"orgs": mine}) if mine else Answer(404, {"message": "organization not found"})
            case "GET", ["buckets"]:
                found = [item for item in self.buckets if item["name"] == request.parameters["name"]]
                return Answer(200, {"buckets": found})
            case "POST", ["buckets"]:
                self.buckets.append({"id": "0b", **body})
                return Answer(201, self.buckets[-1])
            case "PATCH", ["buckets", "0b"]:
                self.buckets[0] |= body
                return Answer(200, self.buckets[0])
            case "GET", ["dbrps"]:
                return Answer(200, {"content": self.mappings})
            case "POST", ["dbrps"]:
                self.mappings.append(body)
                return Answer(201, body)
        return Answer(405)


def mend(
    url: str, kind: InfluxKind, *, make: bool, days: int | None = None, organisation: str = "waterschap"
) -> list[str]:
    target = InfluxTarget(url=url, kind=kind, organisation=organisation, token="t", retention_days=days)  # noqa: S106
    reader = InfluxReader(target)
    try:
        return mend_influx(reader, target, make=make)
    finally:
        reader.close()


def test_a_bucket_and_its_mapping_are_made_in_two_and_nothing_twice() -> None:
    server = Two()
    with answering(server.answer) as (url, asked):
        missing = ["bucket 'schouw'", "DBRP mapping of database 'schouw'"]
        assert mend(url, "2", make=False, days=90) == missing
        assert server.buckets == []
        assert mend(url, "2", make=True, days=90) == missing
        assert mend(url, "2", make=True, days=90) == []
        assert asked[0].headers["authorization"] == "Token t"
    rule = {"type": "expire", "everySeconds": 90 * 86_400, "shardGroupDurationSeconds": 28 * 86_400}
    assert server.buckets == [{"id": "0b", "orgID": "0a", "name": "schouw", "retentionRules": [rule]}]
    assert server.mappings == [
        {"orgID": "0a", "bucketID": "0b", "database": "schouw", "retention_policy": "autogen", "default": True}
    ]


def test_another_retention_is_put_right_in_two_and_left_alone_when_none_is_asked_for() -> None:
    server = Two()
    with answering(server.answer) as (url, _):
        mend(url, "2", make=True)
        assert server.buckets[0]["retentionRules"][0]["everySeconds"] == 0
        assert mend(url, "2", make=True) == []
        assert mend(url, "2", make=True, days=30) == ["retention of 30 days instead of 0"]
        assert mend(url, "2", make=True) == []
    assert server.buckets[0]["retentionRules"][0]["everySeconds"] == 30 * 86_400


def test_an_unknown_organisation_is_for_a_person() -> None:
    with answering(Two().answer) as (url, _), pytest.raises(StorageUnavailable, match="has no organisation 'gemeente'"):
        mend(url, "2", make=True, organisation="gemeente")


@pytest.mark.parametrize(
    ("days", "wish"), [(None, {"db": "schouw"}), (90, {"db": "schouw", "retention_period": "90d"})]
)
def test_a_database_is_made_in_three(days: int | None, wish: dict[str, object]) -> None:
    databases: list[dict[str, object]] = [{"iox::database": "_internal"}]

    def answer(request: Asked) -> Answer:
        if request.path != "/api/v3/configure/database":
            return Answer(404)
        if request.method == "POST":
            assert json.loads(request.body) == wish
            databases.append({"iox::database": "schouw"})
            return Answer(200)
        return Answer(200, databases)

    with answering(answer) as (url, asked):
        assert mend(url, "3", make=False, days=days) == ["database 'schouw'"]
        assert mend(url, "3", make=True, days=days) == ["database 'schouw'"]
        assert mend(url, "3", make=True, days=days) == []
        assert asked[0].headers["authorization"] == "Bearer t"


def test_a_real_server_gets_its_database_policy_and_retention(influx: InfluxServer) -> None:
    influx.ask('DROP DATABASE "setup"')

    def made(days: int | None, bucket: str = "setup", *, make: bool = True) -> list[str]:
        target = InfluxTarget(url=influx.url, kind="1.8", bucket=bucket, retention_days=days)
        reader = InfluxReader(target)
        try:
            return mend_influx(reader, target, make=make)
        finally:
            reader.close()

    assert made(None, make=False) == ["database 'setup'"]
    assert made(None) == ["database 'setup'"]
    assert made(None) == []
    assert made(30) == ["retention of 30 days instead of 0s"]
    assert made(30) == []
    assert made(7, "setup/week") == ["retention policy 'week'"]
    assert made(7, "setup/week") == []


def test_a_wrong_token_is_told() -> None:
    with (
        answering(lambda _: Answer(401, {"message": "unauthorized access"})) as (url, _),
        pytest.raises(StorageUnavailable, match=r"unauthorized access.*check influx\.token"),
    ):
        mend(url, "2", make=True)
