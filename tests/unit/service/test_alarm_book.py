"""One alarm, one name: announced once, whatever is scored again."""

from __future__ import annotations

from domain.identifiers import AssetId
from models.alarms import AlarmChange as Change
from service.alarm_book import AlarmNews, KnownAlarm, follow, forget, revise
from storage.entries import AlarmChange

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
