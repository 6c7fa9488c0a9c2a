"""The accounts: whole after everything that can become of a message, and loud when they are not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ingest.batch import Message
from service.accounting import accounts, complete
from service.doctor import examine
from service.settings import Settings
from service.web import ServiceHealth
from storage.database import open_database, sqlite_address
from storage.journal import Journal
from tests.chain import NS
from tests.unit.service.site import NOW_NS, onboard, open_site, part, project, reading, take

MINUTE_NS = 60 * NS


def every_fate(folder: Path) -> Settings:
    """Send messages of every fate: decoded, again, refused, held, released, in parts, given up, retained."""
    pipeline = open_site(folder)
    good = [reading(NOW_NS // NS + 60 * n, 10.0 + n) for n in range(5)]
    take(pipeline, *good, good[0], reading(NOW_NS // NS, 99.0), reading(NOW_NS // NS + 3600, "warm"))
    take(pipeline, Message("infra/v1/gw-1/brug-1/klimaat/reading", b"{", NOW_NS, retained=False))
    take(pipeline, Message("infra/v1/gw-1/brug-1/klimaat/reading", good[0].payload, NOW_NS, retained=True))
    take(pipeline, *(reading(NOW_NS // NS, n, sensor="nieuw") for n in range(3)), reading(1, 1, sensor="vreemd"))
    take(pipeline, part(1), part(2), part(1, burst="b2"))
    take(pipeline, part(3), part(2))
    pipeline.expire_parts(now_ns=NOW_NS + 2 * MINUTE_NS)
    onboard(pipeline, folder, "brug-1,klimaat,temperature,Cel,,gw-1,,3600\nbrug-1,nieuw,temperature,Cel,,gw-1,,3600\n")
    pipeline.release_held(now_ns=NOW_NS)
    pipeline.close(now_ns=NOW_NS, lateness_ns=0)
    pipeline.save()
    project(folder, pipeline)
    pipeline.journal.close()
    return Settings(data_dir=folder)


def findings(settings: Settings) -> dict[str, tuple[bool, str]]:
    return {item.what: (item.ok, item.detail) for item in examine(settings)}


def gauges(settings: Settings) -> dict[str, float]:
    engine = open_database(sqlite_address(settings.data_dir / "operational.sqlite"))
    journal = Journal(settings.journal_path)
    text = ServiceHealth(journal, engine, settings.data_dir / "status.json", lambda: NOW_NS).metrics().decode()
    journal.close()
    engine.dispose()
    return {item.name: item.samples[0].value for item in text_string_to_metric_families(text) if item.samples}


def test_every_fate_of_a_message_has_its_place(tmp_path: Path) -> None:
    settings = every_fate(tmp_path)
    found = findings(settings)
    assert found["messages accounted for"] == (
        True,
        "19 = decoded 9, duplicate 6, dead_lettered 3, quarantined 1, waiting 0",
    )
    assert found["readings accounted for"][0]
    told = gauges(settings)
    page = (Path(__file__).parents[3] / "docs" / "accounting.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(ingest_(?:messages|readings)_\w+)`", page))
    assert len(named) >= 9
    assert {name.removesuffix("_total") for name in named} - told.keys() == set()
    assert (told["ingest_messages_unaccounted"], told["ingest_readings_unaccounted"]) == (0, 0)
    kinds = ("decoded", "duplicate", "dead_lettered", "quarantined", "waiting")
    assert told["ingest_messages_received"] == sum(told[f"ingest_messages_{kind}"] for kind in kinds)
    readings = ("stored", "duplicate", "refused")
    assert told["ingest_readings_decoded"] == sum(told[f"ingest_readings_{kind}"] for kind in readings)


@pytest.mark.parametrize(
    ("change", "what", "told", "missing"),
    [
        ("UPDATE tally SET value = value - 2 WHERE name = 'messages_decoded'", "messages", "2 of 19 messages are", 2),
        (
            "UPDATE tally SET value = value + 1 WHERE name = 'readings_stored'",
            "readings",
            "readings too many are in",
            -1,
        ),
        ("DELETE FROM held", "messages", "1 messages are counted as quarantined, and 0 are there", 0),
    ],
)
def test_an_account_that_does_not_add_up_is_told_and_seen(
    tmp_path: Path, change: str, what: str, told: str, missing: int
) -> None:
    settings = every_fate(tmp_path)
    journal = Journal(settings.journal_path)
    with journal.transaction() as db:
        db.execute(change)
    journal.close()
    ok, detail = findings(settings)[f"{what} accounted for"]
    assert not ok
    assert told in detail
    assert gauges(settings)[f"ingest_{what}_unaccounted"] == missing


def test_counts_are_there_before_anything_happened() -> None:
    assert set(complete({}).values()) == {0}
    assert complete({"messages_received": 3, "other": 1})["other"] == 1
    messages, readings = accounts({}, held=0, parts=0)
    assert (messages.faults(), readings.faults()) == ([], [])
