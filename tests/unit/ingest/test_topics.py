from __future__ import annotations

import pytest

from domain.errors import PayloadError
from ingest.topics import (
    FORMER_FILTERS,
    TOPIC_FILTERS,
    TopicKind,
    is_reply,
    parse_topic,
    reading_topic,
    rejected_topic,
    status_topic,
    waveform_topic,
)


def _matches(topic_filter: str, topic: str) -> bool:
    pattern, levels = topic_filter.split("/"), topic.split("/")
    return len(pattern) == len(levels) and all(p in {"+", level} for p, level in zip(pattern, levels, strict=True))


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("infra/v1/gw-7/brug-042/acc1/reading", (TopicKind.READING, "gw-7", "brug-042", "acc1")),
        ("infra/v1/gw-7/brug-042/acc1/waveform", (TopicKind.WAVEFORM, "gw-7", "brug-042", "acc1")),
        ("infra/v1/gw-7/brug-042/acc1/waveform/bin", (TopicKind.WAVEFORM_BINARY, "gw-7", "brug-042", "acc1")),
        ("infra/v1/gw-7/status", (TopicKind.STATUS, "gw-7", None, None)),
        ("shard/12/infra/v1/gw-7/brug-042/acc1/reading", (TopicKind.READING, "gw-7", "brug-042", "acc1")),
    ],
)
def test_a_topic_is_taken_apart(topic: str, expected: tuple[object, ...]) -> None:
    assert tuple(parse_topic(topic)) == expected


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "infra/v1/gw/reading",
        "infra/v1/gw/b/s/extra/reading",
        "infra/v2/gw/b/s/reading",
        "infra/v1/gw/b b/s/reading",
        "infra/v1//b/s/reading",
        "infra/v1/gw/b/s/reading/",
        "infra/v1/gw/b/s/reading\n",
        "infra/v1/" + "g" * 65 + "/b/s/reading",
        "infra/v1/gw/rejected",
        "shard/x/infra/v1/gw/status",
        "infra/v1/gé/b/s/reading",
        "x" * 70_000,
    ],
)
def test_another_topic_is_refused_with_a_sentence_that_stays_short(topic: str) -> None:
    with pytest.raises(PayloadError, match="expected infra/v1/GATEWAY") as caught:
        parse_topic(topic)
    assert caught.value.code == "bad_topic"
    assert len(caught.value.reason) < 600


@pytest.mark.parametrize(
    ("topic", "kind"),
    [
        (reading_topic("gw", "b", "s"), TopicKind.READING),
        (waveform_topic("gw", "b", "s"), TopicKind.WAVEFORM),
        (status_topic("gw"), TopicKind.STATUS),
    ],
)
def test_what_is_built_is_read_back_and_matched_by_exactly_one_filter(topic: str, kind: TopicKind) -> None:
    parsed = parse_topic(topic)
    assert (parsed.kind, parsed.gateway) == (kind, "gw")
    assert sum(_matches(topic_filter, topic) for topic_filter in TOPIC_FILTERS) == 1
    former = sum(_matches(topic_filter, topic) for topic_filter in FORMER_FILTERS)
    assert former == (kind is not TopicKind.STATUS)


def test_our_own_replies_match_no_filter() -> None:
    assert rejected_topic("gw") == "infra/v1/gw/rejected"
    assert not any(_matches(topic_filter, rejected_topic("gw")) for topic_filter in TOPIC_FILTERS + FORMER_FILTERS)


def test_our_own_replies_are_told_where_everything_comes() -> None:
    assert is_reply(rejected_topic("gw").encode())
    topics = [
        reading_topic("gw", "b", "rejected"),
        status_topic("rejected"),
        "x/infra/v1/gw/rejected",
        "infra/v1/rejected",
    ]
    assert not any(is_reply(topic.encode()) for topic in topics)


def test_a_name_that_may_not_stand_in_a_topic_is_refused() -> None:
    with pytest.raises(PayloadError, match="'a/b' as a level"):
        reading_topic("gw", "a/b", "s")
