"""How long it takes from publishing a reading until the API shows a risk that knows it."""

from __future__ import annotations

import json
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from tests.installation import Installation, publish
from tests.performance.load import Load, publishing, write_register

__all__ = ["publish_to_visible"]

_ASSET: Final = "probe"
_LOOK_S: Final = 0.01
_LONGEST_S: Final = 60.0
_PAUSE_S: Final = 0.3
# An asset that was never heard is assessed as of now, which is long after the event time of the load.
_NEVER_HEARD: Final = "2025"


def publish_to_visible(*, rate: float, seconds: float, sensors: int = 1_000, samples: int = 100) -> dict[str, float]:
    """Publish blocks at a rate, and beside them single readings whose assessments are waited for.

    Parameters
    ----------
    samples : int
        Of a block, at 100 Hz; blocks of a sensor follow each other without a gap.

    Returns
    -------
    dict
        `rate`, messages a second as asked; `taken`, messages a second from the first publish until the journal has all;
        `probes`; `p50_s`, `p99_s` and `worst_s`, from publish to answer, with the time of asking every 10 ms in it.

    Raises
    ------
    RuntimeError
        If a message is not in the journal, or a reading not visible, a minute after the last.
    """
    rounds, step_s = max(1, round(rate * seconds / sensors)), max(1, samples // 100)
    load = Load("waveform", sensors, rounds, samples=samples, step_s=step_s)
    with tempfile.TemporaryDirectory(prefix="schouw-bench-") as folder:
        site = Installation(Path(folder) / "data", INGEST__CLOCK="stream", BROKER__SYNC_ALWAYS="false")
        site.folder.mkdir()
        assets, channels = write_register(load, Path(folder))
        with assets.open("a") as file:
            file.write(f"{_ASSET},{_ASSET},bridge,52.1,5.1,1980,10000,30000,8\n")
        with channels.open("a") as file:
            file.write(f"{_ASSET},t1,tilt,rad,,gw-probe,pier,3600\n")
        site.call("assets", "import", str(assets), str(channels))
        delays: list[float] = []
        with site.running("run", "--replay"):
            site.until("ready", lambda: site.get(f"/v1/assets/{_ASSET}/risk") is not None, seconds=180)
            with publishing(load, site.mqtt_port, rate=rate) as processes:
                began = time.monotonic()
                number = 0
                while time.monotonic() - began < seconds:
                    delays.append(_probe(site, number))
                    number += 1
                    time.sleep(_PAUSE_S)
                for process in processes:
                    process.join(_LONGEST_S)
            journal = site.journal()
            site.until(
                "every message in the journal",
                lambda: journal.tally().get("messages_decoded", 0) >= load.messages + len(delays),
                seconds=_LONGEST_S,
            )
            taken = load.messages / (time.monotonic() - began)
            journal.close()
    p50, p99 = np.quantile(delays, [0.5, 0.99])
    return {
        "rate": rate,
        "taken": taken,
        "probes": len(delays),
        "p50_s": float(p50),
        "p99_s": float(p99),
        "worst_s": max(delays),
    }


def _probe(site: Installation, number: int) -> float:
    """Publish one reading and wait for an assessment that rests on it."""
    time_s = 1_704_067_200 + 60 * number
    moment = datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    values = {"tilt": {"value": 0.001 * number, "unit": "rad"}}
    payload = json.dumps({"v": 1, "sensor": "t1", "t": time_s, "values": values}).encode()
    began = time.monotonic()
    publish(site.mqtt_port, [(f"infra/v1/gw-probe/{_ASSET}/t1/reading", payload)], client_id="probe")
    while time.monotonic() - began < _LONGEST_S:
        found = site.get(f"/v1/assets/{_ASSET}/risk") or {}
        if moment <= str(found.get("assessedAt", "")) < _NEVER_HEARD:
            return time.monotonic() - began
        time.sleep(_LOOK_S)
    raise RuntimeError(f"a reading was not visible after {_LONGEST_S:.0f} s; see the logs\n{site.output()}")
