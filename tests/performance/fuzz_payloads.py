"""Seeded payloads for fuzzing: valid messages of every kind, mutated in their structure and in their bytes.

A mutation of structure parses nothing: it works on the Python value before it is written, so that what comes out is
mostly sound JSON with something wrong in it. A mutation of bytes then hits any payload, JSON or not.
"""

from __future__ import annotations

import base64
import json
import random
import struct
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, Final

from ingest.batch import Message
from tests.unit.ingest.room import RECEIVED, T0

__all__ = ["fuzzed_messages", "valid_messages"]

_READING_TOPIC: Final = "infra/v1/gw-7/brug-042/acc1/reading"
_WAVEFORM_TOPIC: Final = "infra/v1/gw-7/brug-042/raw1/waveform"
_BINARY_TOPIC: Final = "infra/v1/gw-7/brug-042/raw1/waveform/bin"
_STATUS_TOPIC: Final = "infra/v1/gw-7/status"
_UNKNOWN_TOPIC: Final = "infra/v1/gw-9/elders/acc1/reading"

# What readers of numbers, texts and times trip over.
_EDGES: Final[tuple[Any, ...]] = (
    None, True, False, 0, -0.0, 1, -1, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 10**400, 1e308, -1e308, 5e-324, 1e-400,
    "", " ", "NaN", "Infinity", "-1", "1e5", "0x10", "\x00", "\ud800", "é" * 3, "a" * 300, "\u202e", "💥",
    [], {}, [[]], [None], [1, 2, 3], {"value": 1}, [{"v": 1}], {"": ""}, "2026-11-23T09:00:00Z",
    "2026-13-45T99:99:99Z", "0000-00-00", "9999-12-31T23:59:60Z", "1970-01-01", "2026-11-23T09:00:00.123456789+14:00",
    "Cel", "degC", "furlong", "mm/s", "z", "x", "i16le", "f32le", "json", "AADoAw==", "====", "A", "AAA",
)  # fmt: skip
_TOKENS: Final = (
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"01", b"1.", b".5", b"+1", b"'x'", b"undefined",
    b"\xff\xfe",
    b"\xef\xbb\xbf", b"\x00", b"\\u0000", b"\\ud800", b"\\x", b"//", b"[" * 200, b'{"a":' * 200, b"]", b"}", b",", b":",
    b"9" * 400, b'"' , b"\\", b"\xc3\x28", b"\r\n", b"null", b"true",
)  # fmt: skip
_KEYS: Final = (
    "v", "sensor", "t", "values", "value", "unit", "axis", "is_backfill", "t0", "fs_hz", "n", "enc", "scale", "offset",
    "data", "part", "parts", "id", "clipped", "state", "session", "since", "clock_synced", "", "extra", "temperature",
    "vibration_rms", "vibration_rms.z", "__proto__",
)  # fmt: skip


# What times, numbers and base64 are written with.
_SIGNS: Final = "0123456789:-+.,TZWz =/_"
_LEVELS: Final = ("", "+", "#", "$SYS", "é", "\x00", "a" * 70, "v2", "INFRA", " ", "brug 1", "..", "\ufffd")


def _reading(rng: random.Random) -> tuple[str, Any]:
    values: dict[str, Any] = {
        "temperature": {"value": round(rng.uniform(-20, 40), 2), "unit": rng.choice(["Cel", "K", "degF"])},
        "vibration_rms": {"value": rng.random() * 5, "unit": "mm/s", "axis": "z"},
        "humidity": {"value": rng.randint(0, 100), "unit": "%RH"},
    }
    some = dict(rng.sample(sorted(values.items()), rng.randint(1, 3)))
    time = rng.choice(
        ["2026-11-23T09:00:00Z", T0 // 10**9 + rng.randint(-9, 9), T0, (T0 + rng.randint(0, 10**9)) / 1e9]
    )
    one = {"v": 1, "sensor": "acc1", "t": time, "values": some}
    if rng.random() < 0.3:
        one["is_backfill"] = rng.random() < 0.5
    if rng.random() < 0.3:
        return _READING_TOPIC, [one | {"t": T0 + rng.randint(-(10**12), 10**12)} for _ in range(rng.randint(0, 6))]
    return rng.choice([_READING_TOPIC, _READING_TOPIC, _UNKNOWN_TOPIC]), one


def _waveform(rng: random.Random) -> tuple[str, Any]:
    length = rng.choice([1, 2, 8, 64, 256])
    time = rng.choice([T0 + rng.randint(0, 10**12), "2026-11-23T09:00:00Z", "2026-11-23T10:00:00.25+01:00"])
    block: dict[str, Any] = {
        "v": 1, "sensor": "raw1", "axis": "z", "t0": time,
        "fs_hz": rng.choice([50.0, 100, 2000.0]), "n": length, "unit": rng.choice(["m/s2", "g"]), "scale": 0.0005,
    }  # fmt: skip
    kind = rng.choice(["i16le", "f32le", "json"])
    block["enc"] = kind
    if kind == "json":
        block["data"] = [rng.randint(-1000, 1000) for _ in range(length)]
    elif kind == "f32le":
        samples = struct.pack(f"<{length}f", *(rng.gauss(0.0, 1.0) for _ in range(length)))
        block["data"] = base64.b64encode(samples).decode()
    else:
        block["data"] = base64.b64encode(rng.randbytes(2 * length)).decode()
    if rng.random() < 0.4:
        parts = rng.randint(1, 5)
        block |= {"id": f"b{rng.randint(0, 50)}", "part": rng.randint(1, parts), "parts": parts}
    return _WAVEFORM_TOPIC, block


def _status(rng: random.Random) -> tuple[str, Any]:
    return _STATUS_TOPIC, {
        "v": 1, "state": rng.choice(["online", "offline"]), "session": rng.randint(0, 9), "since": T0,
        "clock_synced": True,
    }  # fmt: skip


_KINDS: Final[tuple[Callable[[random.Random], tuple[str, Any]], ...]] = (_reading, _reading, _waveform, _status)


def valid_messages(rng: random.Random) -> Iterator[Message]:
    """Give valid messages of every kind without end."""
    while True:
        topic, value = rng.choice(_KINDS)(rng)
        yield Message(topic, json.dumps(value).encode(), RECEIVED, retained=False)


def fuzzed_messages(seed: int) -> Iterator[Message]:
    """Give messages without end: a few valid, most mutated in structure, bytes or topic, some of random bytes."""
    rng = random.Random(seed)
    while True:
        topic, value = rng.choice(_KINDS)(rng)
        if rng.random() < 0.75:
            value = deepcopy(value)
            for _ in range(rng.choice([1, 1, 2, 4])):
                value = _mutate(rng, value)
        payload = json.dumps(value, separators=rng.choice([(",", ":"), (", ", ": ")])).encode("utf-8", "surrogatepass")
        chance = rng.random()
        if chance < 0.35:
            for _ in range(rng.choice([1, 1, 3, 10])):
                payload = _damage(rng, payload)
        elif chance < 0.40:
            payload = rng.randbytes(rng.choice([0, 1, 16, 300]))
        elif chance < 0.42:
            payload = payload.decode("utf-8", "replace").encode(rng.choice(["utf-16", "utf-32", "latin-1"]), "replace")
        if rng.random() < 0.1:
            topic = _topic(rng, topic)
        yield Message(topic, payload, RECEIVED + rng.randint(0, 10**10), retained=rng.random() < 0.02)


def _mutate(rng: random.Random, value: Any) -> Any:
    """Change one place of a JSON value, wherever it lies."""
    places = list(_places(value))
    if not places or rng.random() < 0.05:
        return deepcopy(rng.choice(_EDGES))
    holder, key = rng.choice(places)
    action = rng.randrange(5)
    if action == 0:
        holder[key] = deepcopy(rng.choice(_EDGES))
    elif action == 1:
        del holder[key]
    elif action == 2:
        holder[key] = _nudge(rng, holder[key])
    elif isinstance(holder, dict):
        holder[rng.choice(_KEYS)] = deepcopy(rng.choice(_EDGES)) if action == 3 else deepcopy(holder[key])
    else:
        holder.insert(rng.randint(0, len(holder)), deepcopy(rng.choice([*_EDGES, holder[key]])))
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys: Iterator[Any]
    if isinstance(value, dict):
        keys = iter(list(value))
    elif isinstance(value, list):
        # Long arrays of samples would hide everything else.
        keys = iter(range(min(len(value), 4)))
    else:
        return
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _nudge(rng: random.Random, value: Any) -> Any:
    """Change a value a little: its type, its sign, its size."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        small = value if abs(value) < 1e9 else 3
        return rng.choice([-value, value * 10, value + 1, str(value)[:50], [value], small * 1e299, small / 3])
    if isinstance(value, str):
        if rng.random() < 0.5:
            at = rng.randint(0, len(value))
            return value[:at] + rng.choice(_SIGNS) + value[at + 1 :]
        other = (value.upper(), value[:-1], value + value, value[::-1], value + "\n", repr(value))
        return rng.choice([*other, [value]])
    return rng.choice([[value], {"value": value}, str(value)[:200]])


def _damage(rng: random.Random, payload: bytes) -> bytes:
    """Change bytes: flip, cut, insert a token, repeat a piece, lose a piece."""
    at = rng.randint(0, len(payload))
    upto = min(len(payload), at + rng.randint(1, 20))
    action = rng.randrange(5)
    if action == 0 and payload:
        place = min(at, len(payload) - 1)
        return payload[:place] + bytes([payload[place] ^ (1 << rng.randrange(8))]) + payload[place + 1 :]
    if action == 1:
        return payload[:at]
    if action == 2:
        return payload[:at] + rng.choice(_TOKENS) + payload[at:]
    if action == 3:
        return payload[:upto] + payload[at:]
    return payload[:at] + payload[upto:]


def _topic(rng: random.Random, topic: str) -> str:
    levels = topic.split("/")
    action = rng.randrange(6)
    place = rng.randrange(len(levels))
    if action == 0:
        levels[place] = rng.choice(_LEVELS)
    elif action == 1:
        del levels[place]
    elif action == 2:
        levels.insert(place, rng.choice(["x", "", "shard", "3"]))
    elif action == 3:
        levels = ["shard", str(rng.randint(-1, 99)), *levels]
    elif action == 4:
        levels += ["bin"]
    else:
        return rng.choice([_BINARY_TOPIC, _STATUS_TOPIC, _WAVEFORM_TOPIC, _READING_TOPIC, "", "/", "x" * 1000])
    return "/".join(levels)
