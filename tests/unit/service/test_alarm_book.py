"""One alarm, one name: announced once, whatever is scored again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.identifiers import AssetId
from domain.records import Decision, DecisionVerb, Reason
from models.alarms import AlarmChange as Change
from service.alarm_book import AlarmNews, KnownAlarm, close_left_over, follow, forget, revise
from service.alarms_after import agree, follow_told
from storage.entries import AlarmChange, Outcome

BRUG = AssetId("brug-1")
NS = 1_000_000_000
DAY_NS = 86_400 * NS


def raised(day: float, kind: str = "condition.fatigue", subject: str = "") -> Change:
    at_ns = round(day * DAY_NS)
    return Change(0, kind, subject, raised=True, at_ns=at_ns, reasons=(), raised_at_ns=at_ns)


def cleared(day: float, raised_day: float, kind: str = "condition.fatigue", subject: str = "") -> Change:
    return Change(
        0, kind, subject, raised=False, at_ns=round(day * DAY_NS), reasons=(), raised_at_ns=round(raised_day * DAY_NS)
    )


def known(*changes: Change) -> tuple[KnownAlarm, ...]:
    return follow((), BRUG, changes, AlarmNews())


def again(
    book: tuple[KnownAlarm, ...], *changes: Change, base: float = 0.5
) -> tuple[tuple[KnownAlarm, ...], AlarmNews]:
    news = AlarmNews()
    found = revise(
        book, BRUG, base_ns=round(base * DAY_NS), changes=changes, revised_at_ns=round(9 * DAY_NS), news=news
    )
    return found, news


def test_what_is_found_again_is_no_news() -> None:
    book = known(raised(1), cleared(3, 1), raised(4))
    found, news = again(book, raised(1), cleared(3, 1), raised(4))
    assert (news.alarms, news.changes) == ([], [])
    assert sorted(found, key=lambda item: item.raised_ns) == list(book)


def test_an_alarm_that_began_earlier_keeps_its_name() -> None:
    book = known(raised(4))
    found, news = again(book, raised(3.5))
    assert (news.alarms, news.changes) == ([], [])
    assert (found[0].id, found[0].raised_ns) == (book[0].id, round(3.5 * DAY_NS))
    later = AlarmNews()
    follow(found, BRUG, [cleared(6, 3.5)], later)
    assert later.changes == [AlarmChange(id=book[0].id, cleared_at_ns=6 * DAY_NS)]


def test_what_late_data_support_is_announced_once() -> None:
    found, news = again((), raised(2))
    assert [alarm.id for alarm in news.alarms] == ["brug-1.condition.fatigue.19700103T000000Z"]
    assert again(found, raised(2))[1].alarms == []
    assert again(found, raised(2.2))[1].alarms == []


def test_what_late_data_do_not_support_is_marked_and_may_come_back() -> None:
    book = known(raised(2), raised(3, "data.silent", "acc1"))
    found, news = again(book, raised(2))
    assert news.changes == [AlarmChange(id=book[1].id, cleared_at_ns=9 * DAY_NS, supported=False)]
    assert again(found, raised(2))[1].changes == []  # said once
    back, news = again(found, raised(2), raised(3, "data.silent", "acc1"))
    assert (news.alarms, news.changes) == ([], [AlarmChange(id=book[1].id, reopened=True, supported=True)])
    assert all(item.is_supported and item.cleared_ns is None for item in back)


def test_an_alarm_from_before_is_reopened_or_cleared_at_another_time() -> None:
    book = known(raised(0.2), cleared(4, 0.2))
    found, news = again(book)
    assert news.changes == [AlarmChange(id=book[0].id, reopened=True)]
    assert found[0].cleared_ns is None
    found, news = again(book, cleared(5, 0.2))
    assert news.changes == [AlarmChange(id=book[0].id, cleared_at_ns=5 * DAY_NS)]


def test_two_alarms_of_one_kind_are_told_apart_by_order() -> None:
    book = known(raised(1), cleared(2, 1), raised(5))
    found, news = again(book, raised(1.5), cleared(2.5, 1.5), raised(5))
    assert news.alarms == []
    assert news.changes == [AlarmChange(id=book[0].id, cleared_at_ns=round(2.5 * DAY_NS))]
    assert {item.id for item in found} == {item.id for item in book}


def test_what_is_long_over_is_forgotten_and_what_stands_is_not() -> None:
    book = known(raised(1), cleared(2, 1), raised(1, "data.silent", "acc1"))
    assert [item.kind for item in forget(book, 3 * DAY_NS)] == ["data.silent"]
    assert forget(book, 2 * DAY_NS) == book


def left_over(raised_day: float, kind: str = "condition.fatigue") -> KnownAlarm:
    """An alarm that models of an earlier version raised, and that is open for people alone."""
    return KnownAlarm(kind, "", f"brug-1.{kind}.by-name", round(raised_day * DAY_NS), None, is_supported=False)


def test_what_only_people_have_open_is_taken_up_when_the_models_raise_it() -> None:
    news = AlarmNews()
    book = follow((left_over(1), left_over(2, "condition.wear")), BRUG, [raised(8)], news)
    assert (news.alarms, news.changes) == ([], [])
    assert book == (
        KnownAlarm("condition.fatigue", "", "brug-1.condition.fatigue.by-name", 8 * DAY_NS),
        left_over(2, "condition.wear"),
    )
    follow(book, BRUG, [cleared(9, 8)], news)
    assert news.changes == [AlarmChange(id="brug-1.condition.fatigue.by-name", cleared_at_ns=9 * DAY_NS)]


def test_scoring_again_takes_up_what_only_people_have_open_and_ends_none_of_it() -> None:
    book = (left_over(0.2), left_over(2, "condition.wear"))
    found, news = again(book, raised(3))
    assert (news.alarms, news.changes) == ([], [])
    assert sorted(found, key=lambda item: item.kind) == [
        KnownAlarm("condition.fatigue", "", "brug-1.condition.fatigue.by-name", 3 * DAY_NS),
        left_over(2, "condition.wear"),
    ]


def decision(verb: DecisionVerb, alarm_id: str | None = None) -> Decision:
    return Decision("d", 1, BRUG, verb, "A. Smit", "seen", 5 * DAY_NS, alarm_id=alarm_id)


@pytest.mark.parametrize(
    ("made", "ended"),
    [
        (decision(DecisionVerb.REPAIR), {"condition.fatigue", "condition.wear"}),
        (decision(DecisionVerb.ACCEPT_NORMAL), {"condition.fatigue", "condition.wear"}),
        (decision(DecisionVerb.DISMISS), {"condition.fatigue", "condition.wear"}),
        (decision(DecisionVerb.DISMISS, "brug-1.condition.wear.by-name"), {"condition.wear"}),
        (decision(DecisionVerb.CONFIRM, "brug-1.condition.wear.by-name"), set()),
    ],
)
def test_a_decision_ends_what_only_people_have_open(made: Decision, ended: set[str]) -> None:
    """The models have nothing to clear, and what is raised after a dismissal is news again."""
    news = AlarmNews()
    book = (left_over(1), left_over(2, "condition.wear"), left_over(3, "data.silent"), *known(raised(4)))
    found = close_left_over(book, made, 5 * DAY_NS, news)
    assert {item.kind for item in found if item.cleared_ns == 5 * DAY_NS} == ended
    assert {change.id for change in news.changes} == {f"brug-1.{kind}.by-name" for kind in ended}
    assert found[3] == book[3]


def test_the_book_of_people_and_that_of_new_models_become_one() -> None:
    told = (
        KnownAlarm("condition.fatigue", "", "both", 2 * DAY_NS),
        KnownAlarm("condition.wear", "", "people", 3 * DAY_NS),
        KnownAlarm("data.silent", "a", "over", 1 * DAY_NS, 2 * DAY_NS),
    )
    news = AlarmNews()
    found = follow((), BRUG, [raised(4), raised(1, "data.silent", "a"), raised(5, "data.silent", "b")], news)
    found = follow(found, BRUG, [cleared(2, 1, "data.silent", "a")], news)
    raised_by_name = {alarm.id: alarm for alarm in news.alarms}
    book, announced = agree(BRUG, told, found, raised_by_name, at_ns=7 * DAY_NS, version="9")
    assert [(alarm.kind, alarm.subject, alarm.raised_at_ns) for alarm in announced] == [
        ("data.silent", "b", 7 * DAY_NS)
    ]
    assert announced[0].reasons == (Reason("seen_by_new_models", {"version": "9"}),)
    assert [(item.id, item.raised_ns, item.cleared_ns, item.is_supported) for item in book] == [
        ("both", 4 * DAY_NS, None, True),
        (found[1].id, 1 * DAY_NS, 2 * DAY_NS, True),
        (announced[0].id, 5 * DAY_NS, None, True),
        ("people", 3 * DAY_NS, None, False),
    ]
    assert agree(BRUG, book[:1], found[:1], raised_by_name, at_ns=8 * DAY_NS, version="9") == (book[:1], [])


def test_what_was_told_is_followed_by_its_names() -> None:
    alarm = replace(again((), raised(2))[1].alarms[0], id="one")
    books: dict[AssetId, tuple[KnownAlarm, ...]] = {}
    follow_told(books, Outcome(alarms=[alarm]))
    follow_told(books, Outcome(alarm_changes=[AlarmChange(id="one", cleared_at_ns=5), AlarmChange(id="two")]))
    assert books == {BRUG: (KnownAlarm(alarm.kind, "", "one", 2 * DAY_NS, 5),)}
    follow_told(books, Outcome(alarm_changes=[AlarmChange(id="one", reopened=True, supported=True)]))
    assert books == {BRUG: (KnownAlarm(alarm.kind, "", "one", 2 * DAY_NS),)}
    follow_told(books, Outcome(alarm_changes=[AlarmChange(id="one", cleared_at_ns=7, supported=False)]))
    assert books == {BRUG: (KnownAlarm(alarm.kind, "", "one", 2 * DAY_NS, 7, is_supported=False),)}
