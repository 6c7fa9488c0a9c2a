"""The ingest process against real brokers: accounting, refusals, quarantine, and a restart in the middle."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest.formats.project import OutgoingReading, encode_readings
from tests.installation import Installation, publish
from tests.lengths import either
from tests.servers import RealBroker

pytestmark = pytest.mark.slow

NS = 1_000_000_000
MANY = either(2_500, long=10_000)  # more than is taken in one batch
START_NS = 1_700_000_000 * NS

ASSETS = "id,name,type,lat,lon,built_year,planned_repair_cost_eur,emergency_repair_cost_eur,closure_hours\n"
SENSORS = "asset,sensor,channel,unit,axis,gateway,position,interval_s\n"


def write_register(folder: Path, *sensors: str) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "assets.csv").write_text(ASSETS + "brug-1,Eerste brug,bridge,52.1,5.1,1970,40000,,8\n")
    rows = [f"brug-1,{name},temperature,Cel,,gw-1,,3600\n" for name in sensors]
    (folder / "sensors.csv").write_text(SENSORS + "".join(rows))
    return [str(folder / "assets.csv"), str(folder / "sensors.csv")]


def reading(number: int, sensor: str = "klimaat") -> tuple[str, bytes]:
    one = OutgoingReading(START_NS + number * 3600 * NS, {"temperature": (number % 30, "Cel")})
    return encode_readings("gw-1", "brug-1", sensor, [one])


def mixture(count: int) -> list[tuple[str, bytes]]:
    """Give sound messages of which every tenth is garbage."""
    garbage = [b"", b"{", b"\xff\xfe", b'{"v":1}', b"[]", b'{"v":1,"sensor":"klimaat","t":"x","values":3}']
    topic = reading(0)[0]
    return [(topic, garbage[n // 10 % len(garbage)]) if n % 10 == 9 else reading(n) for n in range(count)]


def ready(site: Installation) -> bool:
    path = site.folder / "ingest-status.json"
    return path.is_file() and bool(json.loads(path.read_bytes())["broker_connected"])


def received(site: Installation) -> int:
    """Count the messages that came, each once."""
    journal = site.journal()
    try:
        tally = journal.tally()
        return tally.get("messages_received", 0) - tally.get("messages_duplicate", 0)
    finally:
        journal.close()


def test_every_tenth_of_many_is_garbage(any_broker: RealBroker, tmp_path: Path) -> None:
    site = Installation(tmp_path / "data", MQTT__PORT=any_broker.port, INGEST__CLOCK="stream")
    site.call("assets", "import", *write_register(tmp_path / "register", "klimaat"))
    with site.running("ingest"):
        site.until("session", lambda: ready(site), seconds=30)
        publish(any_broker.port, mixture(MANY))
        site.until("everything received", lambda: received(site) >= MANY, seconds=60)
    tally = site.journal().tally()
    # A broker that waited long for an acknowledgement delivers again: such a message counts as a duplicate.
    assert tally["messages_received"] - tally.get("messages_duplicate", 0) == MANY
    assert (tally["messages_decoded"], tally["messages_dead_lettered"]) == (MANY * 9 // 10, MANY // 10)
    assert tally["readings_stored"] == MANY * 9 // 10
    doctor = site.call("doctor")
    assert "WRONG" not in doctor.stdout
    assert f"{MANY * 9 // 10} readings of {MANY * 9 // 10} accepted" in doctor.stdout


def test_kill_nine_in_mid_stream_loses_and_doubles_nothing(nats_broker: RealBroker, tmp_path: Path) -> None:
    site = Installation(tmp_path / "data", MQTT__PORT=nats_broker.port, INGEST__CLOCK="stream")
    site.call("assets", "import", *write_register(tmp_path / "register", "klimaat"))
    messages = mixture(3_000)
    process = site.start("ingest")
    try:
        site.until("session", lambda: ready(site), seconds=30)
        publish(nats_broker.port, messages[:1_500])
        process.kill()
        process.wait(10)
        publish(nats_broker.port, messages[1_500:])
        process = site.start("ingest")

        def stored() -> int:
            journal = site.journal()
            try:
                return journal.tally().get("readings_stored", 0)
            finally:
                journal.close()

        site.until("all readings stored", lambda: stored() >= 2_700, seconds=60)
    finally:
        process.terminate()
        process.wait(30)
    tally = site.journal().tally()
    assert tally["readings_stored"] == 2_700
    assert "WRONG" not in site.call("doctor").stdout


def test_an_unknown_sensor_waits_and_is_taken_in_when_it_is_registered(nats_broker: RealBroker, tmp_path: Path) -> None:
    site = Installation(tmp_path / "data", MQTT__PORT=nats_broker.port, INGEST__CLOCK="stream")
    site.call("assets", "import", *write_register(tmp_path / "register", "klimaat"))
    with site.running("ingest"):
        site.until("session", lambda: ready(site), seconds=30)
        publish(nats_broker.port, [reading(n, "nieuw") for n in range(50)])
        site.until("held", lambda: received(site) >= 50, seconds=30)
        assert site.journal().tally()["messages_quarantined"] == 50
        site.call("assets", "import", *write_register(tmp_path / "register", "klimaat", "nieuw"))
        site.until("released", lambda: site.journal().tally()["messages_quarantined"] == 0, seconds=30)
    tally = site.journal().tally()
    assert (tally["readings_stored"], tally["messages_decoded"]) == (50, 50)
    assert "WRONG" not in site.call("doctor").stdout


def test_a_second_ingest_in_the_same_folder_is_refused(nats_broker: RealBroker, tmp_path: Path) -> None:
    site = Installation(tmp_path / "data", MQTT__PORT=nats_broker.port)
    with site.running("ingest"):
        site.until("session", lambda: ready(site), seconds=30)
        second = site.call("ingest", check=False)
    assert second.returncode == 2
    assert "another ingest process works in" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_broker_that_is_away_at_start_is_waited_for(tmp_path: Path, nats_broker: RealBroker) -> None:
    nats_broker.stop()
    site = Installation(tmp_path / "data", MQTT__PORT=nats_broker.port)
    with site.running("ingest"):
        site.until("status", (site.folder / "ingest-status.json").is_file, seconds=30)
        assert not ready(site)
        nats_broker.start()
        site.until("session", lambda: ready(site), seconds=30)


@pytest.mark.parametrize("setting", [{"SCHOUW_FOO": "1"}, {"SCHOUW_MQTT__PORT": "0"}])
def test_a_wrong_setting_is_one_sentence(tmp_path: Path, setting: dict[str, str]) -> None:
    site = Installation(tmp_path / "data", **{key.removeprefix("SCHOUW_"): value for key, value in setting.items()})
    site._environment |= setting
    answer = site.call("ingest", check=False)
    assert answer.returncode == 2
    assert len(answer.stderr.strip().splitlines()) == 1
