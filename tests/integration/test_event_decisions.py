"""A decision about a whole event, through real processes on a real PostgreSQL: written, carried out and told once."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ingest.formats.project import OutgoingReading, encode_readings
from tests.installation import Installation, publish
from tests.servers import PostgresServer
from tests.unit.service.site import HOUR_NS, NOW_NS, write_register

BRIDGES = [f"brug-{number}" for number in range(1, 7)]
STRUCK, SPARED = BRIDGES[:5], BRIDGES[5]
HEARD_HOURS = 72
LOST_HOURS = 10 * 24  # longer than a channel is waited for by the clock of the stream
STORM = {"decidedBy": "A. Planner", "reason": "De storm van zondag."}

pytestmark = pytest.mark.slow


def climate(bridge: str, first: int, last: int) -> tuple[str, bytes]:
    """Give a message with the temperatures of a thermometer over some hours, which all bridges send by one gateway."""
    values = [(NOW_NS + hour * HOUR_NS, 11.0 + hour * 0.754877666 % 1.0) for hour in range(first, last)]
    readings = [OutgoingReading(time_ns, {"temperature": (degc, "Cel")}) for time_ns, degc in values]
    return encode_readings("gw-1", bridge, "klimaat", readings)


def heard(site: Installation) -> int:
    """Count the readings in the journal."""
    with contextlib.closing(site.journal()) as journal:
        return journal.tally().get("readings_stored", 0)


def told(site: Installation) -> list[dict[str, Any]]:
    answer = site.get("/v1/alarms?pageSize=100")
    return answer["items"] if answer else []


def states(site: Installation) -> dict[str, str]:
    """Give the state of each structure's alarm."""
    return {alarm["asset"]: alarm["state"] for alarm in told(site)}


def decide(site: Installation, event: str, verb: str, *, key: str) -> tuple[int, Any]:
    """Ask the API for a decision about an event, and give its status and answer."""
    request = urllib.request.Request(  # noqa: S310 -- our own address
        f"{site.address}/v1/fleet-events/{event}/decisions",
        data=json.dumps(STORM | {"verb": verb}).encode(),
        headers={"Content-Type": "application/json", "Idempotency-Key": key},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 -- our own address
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def assets_of(decisions: Sequence[dict[str, Any]]) -> list[str]:
    return sorted(decision["asset"] for decision in decisions)


def test_an_event_is_decided_on_through_a_live_worker_on_postgresql(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    """Five thermometers fall silent at once: what one person says of it holds for all but what was judged before."""
    rows = "".join(f"{bridge},klimaat,temperature,Cel,,gw-1,,3600\n" for bridge in BRIDGES)
    register = write_register(tmp_path, rows, assets=tuple(BRIDGES))
    address = postgres_server.database()
    site = Installation(tmp_path / "data", STORAGE__DATABASE_URL=address, INGEST__PAUSE_SECONDS=1)
    with site.running("run", "--replay"):
        site.until("ready", lambda: bool((site.get("/readyz") or {}).get("ready")), seconds=60)
        site.call("assets", "import", *map(str, register))
        publish(site.mqtt_port, [climate(bridge, 0, HEARD_HOURS) for bridge in BRIDGES])
        # In one batch with what runs ahead they would have spoken just now, by the clock of the stream.
        site.until("all heard", lambda: heard(site) == len(BRIDGES) * HEARD_HOURS, seconds=60)
        publish(site.mqtt_port, [climate(SPARED, HEARD_HOURS, HEARD_HOURS + LOST_HOURS)])
        site.until("five alarms", lambda: sorted(states(site)) == STRUCK, seconds=60)
        site.until("one event", lambda: all(alarm["eventId"] for alarm in told(site)), seconds=20)
        (event,) = {alarm["eventId"] for alarm in told(site)}
        judged = next(alarm for alarm in told(site) if alarm["id"] != event)
        left = sorted(set(STRUCK) - {judged["asset"]})

        by_itself = ("--alarm", judged["id"], "--by", "A. Planner", "--reason", "De kabel is door.")
        site.call("decide", "confirm", *by_itself)
        site.until("one confirmed", lambda: states(site)[judged["asset"]] == "confirmed", seconds=20)

        status, answer = decide(site, event, "acknowledge", key="k1")
        assert status == 201
        assert assets_of(answer["items"]) == left
        site.until("four seen", lambda: [states(site)[asset] for asset in left] == ["acknowledged"] * 4, seconds=20)

        said = ("--event", event, "--by", "B. Planner", "--reason", "Het was de storm.")
        assert "4 decisions" in site.call("decide", "dismiss", *said).stdout
        site.until("four dismissed", lambda: [states(site)[asset] for asset in left] == ["dismissed"] * 4, seconds=20)
        assert states(site)[judged["asset"]] == "confirmed"

        assert decide(site, event, "acknowledge", key="k1") == (status, answer)
        status, refused = decide(site, event, "confirm", key="k2")
        assert (status, refused["title"]) == (409, "Nothing left to decide")
        nothing = site.call("decide", "dismiss", *said, check=False)
        assert nothing.returncode != 0
        assert "confirmed or dismissed already" in nothing.stderr

        log = site.get("/v1/decisions?pageSize=100")["items"]
        assert assets_of(log) == sorted(left * 2 + [judged["asset"]])
        assert [link["eventId"] for link in log] == [event] * 8 + [None]
        checked = site.call("doctor")
    assert "WRONG" not in checked.stdout
    by_event = "SELECT state, count(*) FROM alarm WHERE event_id <> '' GROUP BY state ORDER BY state COLLATE \"C\""
    assert postgres_server.run_sql(by_event, database=address.rpartition("/")[2]).split() == [
        "confirmed|1",
        "dismissed|4",
    ]
