from __future__ import annotations

from typing import Any

import msgspec
import pytest

from domain.errors import PayloadError
from ingest.formats.project import decode_status, encode_status
from tests.unit.ingest.room import T0

_DOCUMENTED = (
    b'{"v":1,"state":"online","since":"2026-11-23T08:59:58Z","firmware":"2.4.1","clock_synced":true,"session":7}'
)


def test_the_documented_example_is_read() -> None:
    assert tuple(decode_status(_DOCUMENTED)) == ("online", 7, T0 - 2_000_000_000, True)


def test_what_is_written_is_read_back() -> None:
    topic, payload = encode_status("gw-7", state="offline", since_ns=T0, session=8)
    assert topic == "infra/v1/gw-7/status"
    assert tuple(decode_status(payload)) == ("offline", 8, T0, None)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"v": 3}, "unsupported_version"),
        ({"state": "asleep"}, "bad_value"),
        ({"state": None}, "bad_value"),
        ({"state": []}, "bad_value"),
        ({"session": "7"}, "wrong_type"),
        ({"session": True}, "wrong_type"),
        ({"session": 2**63}, "wrong_type"),
        ({"clock_synced": 1}, "wrong_type"),
    ],
)
def test_something_else_is_refused(change: dict[str, Any], code: str) -> None:
    message = msgspec.json.decode(_DOCUMENTED) | change
    with pytest.raises(PayloadError) as caught:
        decode_status(msgspec.json.encode(message))
    assert caught.value.code == code


def test_a_truncated_message_is_refused_wherever_it_ends() -> None:
    for end in range(len(_DOCUMENTED)):
        with pytest.raises(PayloadError):
            decode_status(_DOCUMENTED[:end])
