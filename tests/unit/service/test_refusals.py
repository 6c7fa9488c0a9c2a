"""What was refused is written down once, although its message comes again; the same nonsense said anew is told anew."""

from __future__ import annotations

from pathlib import Path

from ingest.batch import Message
from service.pipeline import Pipeline
from tests.chain import NS
from tests.unit.service.site import NOW_NS, balanced, letters, onboard, open_site, stored, take

TOPIC = "infra/v1/gw-1/brug-1/klimaat/reading"
GARBAGE = Message(TOPIC, b"{", NOW_NS, retained=False)
HALF = Message(
    TOPIC,
    b'{"v":1,"sensor":"klimaat","t":%d,"values":{"temperature":{"value":12,"unit":"Cel"},"colour":{"value":1,"unit":"1"}}}'
    % (NOW_NS // NS),
    NOW_NS,
    retained=False,
)
COUNTS = ("messages_duplicate", "messages_dead_lettered", "readings_stored", "readings_duplicate", "readings_refused")


def again(message: Message) -> Message:
    return message._replace(resent=True, received_ns=NOW_NS + NS)


def counts(pipeline: Pipeline) -> tuple[int, ...]:
    tally = balanced(pipeline)
    return tuple(tally.get(name, 0) for name in COUNTS)


def test_a_refused_message_that_is_sent_again_is_a_duplicate(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path)
    take(pipeline, GARBAGE)
    take(pipeline, again(GARBAGE), again(GARBAGE))
    assert len(letters(pipeline)) == 1
    assert counts(pipeline) == (2, 1, 0, 0, 0)


def test_so_is_one_that_comes_again_in_the_same_batch_or_after_a_restart(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path)
    take(pipeline, GARBAGE, again(GARBAGE))
    pipeline.journal.close()
    pipeline = open_site(tmp_path)
    take(pipeline, again(GARBAGE))
    assert len(letters(pipeline)) == 1
    assert counts(pipeline) == (2, 1, 0, 0, 0)


def test_a_refused_value_is_told_once_when_its_message_is_sent_again(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path)
    take(pipeline, HALF)
    take(pipeline, again(HALF))
    assert [letter.code for letter in letters(pipeline)] == ["unknown_channel"]
    assert counts(pipeline) == (1, 0, 1, 2, 1)


def test_what_is_sent_again_for_the_first_time_we_see_it_is_told(tmp_path: Path) -> None:
    """Who read before us may have died before anything was committed."""
    pipeline = open_site(tmp_path)
    take(pipeline, again(GARBAGE))
    assert len(letters(pipeline)) == 1
    assert counts(pipeline) == (0, 1, 0, 0, 0)


def test_the_same_nonsense_said_anew_is_told_anew(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path)
    take(pipeline, GARBAGE)
    take(pipeline, GARBAGE)
    assert len(letters(pipeline)) == 2
    assert counts(pipeline) == (0, 2, 0, 0, 0)


def test_that_it_was_refused_does_not_speak_against_it_once_its_channel_is_registered(tmp_path: Path) -> None:
    pipeline = open_site(tmp_path)
    untimed = Message(
        TOPIC, b'{"v":1,"sensor":"klimaat","values":{"humidity":{"value":55,"unit":"%RH"}}}', NOW_NS, False
    )
    take(pipeline, untimed)
    assert stored(pipeline).value.tolist() == []
    onboard(pipeline, tmp_path, "brug-1,klimaat,temperature,Cel,,gw-1,,3600\nbrug-1,klimaat,humidity,%RH,,gw-1,,3600\n")
    take(pipeline, untimed._replace(received_ns=NOW_NS + NS))
    assert stored(pipeline).value.tolist() == [55.0]
