"""A part of what was decoded is what the part alone would decode to."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domain.arrays import ReadingColumns
from ingest.batch import Message
from ingest.clock import UNLIMITED
from service.decoding import Decoded, decode_ahead
from service.pipeline import Pipeline
from tests.chain import NS
from tests.unit.service.site import NOW_NS, open_site, part, reading

NOW_S = NOW_NS // NS


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return open_site(tmp_path)


def messages() -> list[Message]:
    """One of each kind, statuses and faults between them."""
    status = Message("infra/v1/gw-1/status", json.dumps({"v": 1, "state": "online"}).encode(), NOW_NS, retained=False)
    half_good = reading(NOW_S + 1)
    payload = json.loads(half_good.payload)
    payload["values"]["wind"] = {"value": 1, "unit": "m/s"}
    return [
        status,
        reading(NOW_S),
        part(1, 1, burst="whole"),
        half_good._replace(payload=json.dumps(payload).encode()),
        part(1),
        reading(NOW_S, sensor="nobody"),
        status._replace(received_ns=NOW_NS + 1, retained=True),
        Message("infra/v1/gw-1/brug-1/klimaat/reading", b"{", NOW_NS, retained=False),
        part(2),
        part(1, 1, burst="next", keys={"t0": NOW_S + 9}),
        reading(NOW_S + 2, asset="brug-1").__class__(
            "infra/v1/gw-2/brug-1/klimaat/reading", half_good.payload, 0, False
        ),
        status._replace(received_ns=NOW_NS + 2),
        reading(None),
    ]


def columns(value: Any) -> Any:
    """Turn arrays into lists, to compare records of them."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, ReadingColumns):
        return [columns(getattr(value, field.name)) for field in dataclasses.fields(value)]
    return value


def decoded(pipeline: Pipeline, some: list[Message]) -> Decoded:
    return decode_ahead(some, pipeline.live.resolver, UNLIMITED, register_seq=7, max_payload_bytes=100_000)


def test_parts_are_what_they_would_be_alone_wherever_they_begin_and_end(pipeline: Pipeline) -> None:
    some = messages()
    whole = decoded(pipeline, some)
    assert min(map(len, (whole.batch.statuses, whole.batch.dead_letters, whole.batch.parts))) >= 2
    assert min(map(len, (whole.batch.quarantined, whole.batch.values_refused))) >= 1
    for first in range(len(some)):
        for last in range(first + 1, len(some) + 1):
            mine, alone = whole.part(first, last), decoded(pipeline, some[first:last])
            assert mine.register_seq == 7
            for field in dataclasses.fields(alone.batch):
                told = [columns(getattr(item.batch, field.name)) for item in (mine, alone)]
                assert told[0] == told[1], (field.name, first, last)
