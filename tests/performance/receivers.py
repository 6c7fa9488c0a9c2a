"""What Schouw is compared with: receivers that do nothing, and the pipeline that most people would write.

Each runs as a process of its own, subscribes at QoS 1 with a durable session, counts, and writes the number received,
the seconds from the first to the last message and its own processor time as JSON when it has them all.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

__all__ = ["BARE", "USUAL"]

BARE: Final = "bare"
USUAL: Final = "usual"
_SILENCE_S: Final = 60.0


def _receive(kind: str, port: int, expected: int, folder: Path) -> dict[str, float]:
    handle = _usual_pipeline(folder) if kind == USUAL else None
    seen: list[float] = [0, 0.0, 0.0, 0.0]

    def on_message(client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        if not seen[0]:
            seen[1], seen[3] = time.monotonic(), time.process_time()
        if handle is not None:
            handle(message.payload)
        client.ack(message.mid, message.qos)
        seen[0] += 1
        seen[2] = time.monotonic()

    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=f"bench-{kind}",
        clean_session=False,
        protocol=paho.MQTTv311,
        manual_ack=True,
    )
    client.on_message = on_message
    client.on_subscribe = lambda *_: (folder / "ready").touch()
    client.connect("127.0.0.1", port)
    client.subscribe([("infra/v1/+/+/+/waveform", 1), ("infra/v1/+/+/+/reading", 1)])
    client.loop_start()
    started = time.monotonic()
    while seen[0] < expected and time.monotonic() - max(seen[2], started) < _SILENCE_S:
        time.sleep(0.01)
    cpu = time.process_time() - seen[3]
    client.disconnect()
    client.loop_stop()
    return {"messages": seen[0], "seconds": seen[2] - seen[1], "cpu_s": cpu}


def _usual_pipeline(folder: Path) -> Any:
    """Make what most people would write: json, scaled `HalfSpaceTrees` a sensor, one row of a database a reading."""
    import base64  # noqa: PLC0415 -- only this receiver pays for it

    import numpy as np  # noqa: PLC0415
    from river.anomaly import HalfSpaceTrees  # noqa: PLC0415
    from river.preprocessing import MinMaxScaler  # noqa: PLC0415

    database = sqlite3.connect(folder / "usual.sqlite", isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE reading (sensor TEXT, time TEXT, rms REAL, peak REAL, kurtosis REAL, score REAL)")
    models: dict[str, Any] = {}

    def handle(payload: bytes) -> None:
        block = json.loads(payload)
        samples = np.frombuffer(base64.b64decode(block["data"]), "<i2") * block["scale"]
        centred = samples - samples.mean()
        variance = float((centred**2).mean())
        features = {
            "rms": variance**0.5,
            "peak": float(np.abs(centred).max()),
            "kurtosis": float((centred**4).mean() / variance**2),
        }
        model = models.get(block["sensor"])
        if model is None:  # the trees expect values from 0 to 1, so their documentation puts the scaler before them
            model = models[block["sensor"]] = MinMaxScaler() | HalfSpaceTrees(seed=1)
        score = model.score_one(features)
        model.learn_one(features)
        row = (block["sensor"], block["t0"], features["rms"], features["peak"], features["kurtosis"], score)
        database.execute("INSERT INTO reading VALUES (?, ?, ?, ?, ?, ?)", row)

    return handle


if __name__ == "__main__":
    _kind, _port, _expected, _folder = sys.argv[1:]
    _result = _receive(_kind, int(_port), int(_expected), Path(_folder))
    (Path(_folder) / "result.json").write_text(json.dumps(_result))
