"""What each answer of an InfluxDB means: again later, a person must act, or this line never."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

import pytest

from domain.errors import StorageUnavailable
from storage.influx_target import InfluxTarget
from storage.influx_writer import InfluxWriter, RefusedLine
from tests.fake_influx import Answer, Asked, answering

LINES = [f"reading,asset=a value={number} {number}" for number in range(100)]
TAKEN = Answer(204)


@contextlib.contextmanager
def writing(
    answer: Callable[[Asked], Answer], *, batch_lines: int = 1000, timeout_s: float = 10.0
) -> Iterator[tuple[InfluxWriter, list[Asked]]]:
    with answering(answer) as (url, asked):
        target = InfluxTarget(url=url, organisation="org", bucket="schouw", token="secret", timeout_s=timeout_s)  # noqa: S106
        writer = InfluxWriter(target, batch_lines=batch_lines)
        yield writer, asked
        writer.close()


CONFLICT = "partial write: field type conflict"


def refusing(*bad: str, code: int = 400, reason: str = CONFLICT) -> Callable[[Asked], Answer]:
    """Refuse requests with one of these lines in them."""
    refusal = Answer(code, {"code": "invalid", "message": reason})
    return lambda request: refusal if set(bad) & set(request.lines) else TAKEN


def test_lines_go_out_zipped_in_one_request_with_the_credentials() -> None:
    with writing(lambda _: TAKEN) as (writer, asked):
        assert writer.write(LINES) == (100, [])
    (request,) = asked
    assert (request.method, request.path) == ("POST", "/api/v2/write")
    assert request.parameters == {"org": "org", "bucket": "schouw", "precision": "ns"}
    assert request.lines == LINES
    assert request.headers["authorization"] == "Token secret"
    assert request.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("code", [400, 422])
def test_a_line_the_server_will_never_take_is_found_and_the_others_are_written(code: int) -> None:
    bad = [LINES[0], LINES[41], LINES[42], LINES[99]]
    with writing(refusing(*bad, code=code)) as (writer, asked):
        count, refused = writer.write(LINES)
    assert count == 100
    assert refused == [RefusedLine(text, CONFLICT) for text in bad]
    written = {text for request in asked if not set(bad) & set(request.lines) for text in request.lines}
    assert written == set(LINES) - set(bad)


def test_a_server_that_refuses_everything_is_waited_for_and_nothing_is_dropped() -> None:
    """A bucket that holds text under our name would have had every reading put away as a bad line."""
    with writing(refusing(*LINES)) as (writer, _):
        for _ in range(2):
            with pytest.raises(StorageUnavailable, match=r"refuses every line of measurement 'reading': partial write"):
                writer.write(LINES)


def test_other_measurements_do_not_hide_that_one_is_refused_whole() -> None:
    mixed = [text for number, line in enumerate(LINES) for text in (line, f"feature,asset=a value=1 {number}")]
    with writing(refusing(*LINES)) as (writer, _), pytest.raises(StorageUnavailable, match="'reading'"):
        writer.write(mixed)


def test_bad_lines_far_apart_are_no_reason_to_wait() -> None:
    with writing(refusing(*LINES[::3])) as (writer, _):
        assert len(writer.write(LINES)[1]) == 34


def test_what_retention_drops_is_no_fault() -> None:
    reason = "partial write: points beyond retention policy dropped=3"
    with writing(refusing(LINES[5], reason=reason)) as (writer, asked):
        assert writer.write(LINES) == (100, [])
    assert len(asked) == 1


def test_a_request_that_is_too_large_is_halved() -> None:
    with writing(lambda request: Answer(413) if len(request.lines) > 30 else TAKEN) as (writer, asked):
        assert writer.write(LINES) == (100, [])
    assert sorted(text for request in asked if len(request.lines) <= 30 for text in request.lines) == sorted(LINES)


@pytest.mark.parametrize(
    ("answer", "told", "pause_s"),
    [
        (Answer(429, headers={"Retry-After": "7"}), "429", 7.0),
        (Answer(503, {"error": "busy"}, {"Retry-After": "2"}), "503 busy; it is tried again", 2.0),
        (Answer(500, {"error": "engine: no space left"}), "no space left", 0.0),
        (Answer(503, headers={"Retry-After": "soon"}), "503", 0.0),
        (Answer(401, {"message": "unauthorized access"}), "unauthorized access; check influx.token", 0.0),
        (Answer(404, {"message": "bucket not found"}), "run `schouw doctor --fix`", 0.0),
        (Answer(405), "check the settings of `influx`", 0.0),
    ],
)
def test_a_server_that_cannot_is_tried_again_with_its_words(answer: Answer, told: str, pause_s: float) -> None:
    with writing(lambda _: answer) as (writer, asked), pytest.raises(StorageUnavailable, match=told) as caught:
        writer.write(LINES)
    assert caught.value.retry_after_s == pause_s
    assert len(asked) == 1


def test_a_date_to_wait_for_counts_by_the_clock_of_the_server() -> None:
    headers = {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT", "Date": "Fri, 31 Dec 1999 23:59:29 GMT"}

    with writing(lambda _: Answer(503, headers=headers)) as (writer, _), pytest.raises(StorageUnavailable) as caught:
        writer.write(LINES)
    assert caught.value.retry_after_s == 30.0


def test_a_server_that_is_not_there_is_told() -> None:
    writer = InfluxWriter(InfluxTarget(url="http://127.0.0.1:1"), batch_lines=10)
    with pytest.raises(StorageUnavailable, match=r"InfluxDB at http://127.0.0.1:1: got .*refused"):
        writer.write(LINES)
    writer.close()


def test_a_slow_server_gets_fewer_lines_at_once_and_more_again_later() -> None:
    slow = [True]

    def answer(request: Asked) -> Answer:
        if slow[0] and len(request.lines) > 150:
            time.sleep(0.3)
        return TAKEN

    many = LINES * 10
    with writing(answer, timeout_s=0.1) as (writer, _):
        for _ in range(3):
            with pytest.raises(StorageUnavailable, match="timed out"):
                writer.write(many)
        assert writer.write(many)[0] == 125
        slow[0] = False
        assert [writer.write(many)[0] for _ in range(3)] == [250, 500, 1000]


def test_a_user_and_password_in_the_address_are_not_shown() -> None:
    target = InfluxTarget(url="http://schouw:geheim@127.0.0.1:1")
    writer = InfluxWriter(target, batch_lines=10)
    with pytest.raises(StorageUnavailable) as caught:
        writer.write(LINES)
    writer.close()
    assert "http://***@127.0.0.1:1" in str(caught.value)
    assert "geheim" not in f"{caught.value} {target!r}"
