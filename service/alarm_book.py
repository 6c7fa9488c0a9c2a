"""Which alarms an asset has had lately, under the names they were announced by, and what became of them.

The models say *raised* and *cleared* with a time; an alarm that people see has a name, and one name only. Names
are made of the event time of raising. When late readings are scored again, the same alarm may turn out to begin
an hour earlier: it keeps the name that people know. So an asset's book holds, for as long as re-scoring can
reach back, each alarm's name beside the time that the models have for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from domain.identifiers import AssetId
from domain.records import Alarm, AlarmState, Decision, DecisionVerb, is_about_condition
from models.alarms import AlarmChange as ModelAlarmChange
from service.outcomes import alarm_id
from storage.entries import AlarmChange

__all__ = [
    "AlarmNews",
    "AppliedDecision",
    "AssetBook",
    "KnownAlarm",
    "close_about",
    "close_left_over",
    "follow",
    "forget",
    "revise",
]


class KnownAlarm(msgspec.Struct, array_like=True, frozen=True):
    """One alarm of one asset.

    Attributes
    ----------
    raised_ns, cleared_ns : int, int or None
        As the models have them now.
    is_supported : bool
        False once re-scoring no longer bore it out, and then it is cleared; or since the models are of a version that
        does not have it (`service.alarms_after`): then it stays open, until they raise it or a person decides.
    """

    kind: str
    subject: str
    id: str
    raised_ns: int
    cleared_ns: int | None = None
    is_supported: bool = True


class AppliedDecision(msgspec.Struct, array_like=True, frozen=True):
    """A decision that changed the models, without who made it.

    Attributes
    ----------
    after_ns : int
        It was applied when hops had closed up to here.
    at_ns : int
        The event time it took effect at.
    """

    after_ns: int
    at_ns: int
    verb: DecisionVerb
    alarm_kind: str | None


class AssetBook(msgspec.Struct, array_like=True, frozen=True):
    """What re-scoring must know of one asset beside its readings."""

    alarms: tuple[KnownAlarm, ...] = ()
    decisions: tuple[AppliedDecision, ...] = ()


@dataclass(slots=True)
class AlarmNews:
    """What follows for people: alarms to announce, and changes of those announced before."""

    alarms: list[Alarm] = field(default_factory=list)
    changes: list[AlarmChange] = field(default_factory=list)

    def announce(self, asset: AssetId, change: ModelAlarmChange) -> KnownAlarm:
        """Announce an alarm that nobody has heard of."""
        name = alarm_id(asset, change.kind, change.subject, change.raised_at_ns)
        self.alarms.append(
            Alarm(
                id=name,
                asset=asset,
                kind=change.kind,
                raised_at_ns=change.raised_at_ns,
                cleared_at_ns=None,
                state=AlarmState.OPEN,
                subject=change.subject,
                reasons=change.reasons,
            )
        )
        return KnownAlarm(change.kind, change.subject, name, change.raised_at_ns)


def follow(
    known: Sequence[KnownAlarm], asset: AssetId, changes: Iterable[ModelAlarmChange], news: AlarmNews
) -> tuple[KnownAlarm, ...]:
    """Take in what a step or a decision changed, as it happens."""
    alarms = list(known)
    for change in changes:
        place = _find(alarms, change)
        if change.raised and place is None:
            left = _find_left_over(alarms, change)
            if left is None:
                alarms.append(news.announce(asset, change))
            else:
                alarms[left] = _taken_up(alarms[left], change.raised_at_ns)
        elif change.raised and place is not None:
            alarms[place] = _reopened(alarms[place], change.raised_at_ns, news)
        elif place is not None:
            news.changes.append(AlarmChange(id=alarms[place].id, cleared_at_ns=change.at_ns))
            alarms[place] = msgspec.structs.replace(alarms[place], cleared_ns=change.at_ns)
        else:
            name = alarm_id(asset, change.kind, change.subject, change.raised_at_ns)
            news.changes.append(AlarmChange(id=name, cleared_at_ns=change.at_ns))
    return tuple(alarms)


def revise(
    known: Sequence[KnownAlarm],
    asset: AssetId,
    *,
    base_ns: int,
    changes: Iterable[ModelAlarmChange],
    revised_at_ns: int,
    news: AlarmNews,
) -> tuple[KnownAlarm, ...]:
    """Compare what re-scoring found with what was announced.

    Parameters
    ----------
    base_ns : int
        Event time at which re-scoring began; what happened until then stands as it is.
    changes : iterable of AlarmChange
        All that re-scoring raised and cleared after it, in order.
    revised_at_ns : int
        Event time up to which was scored again.

    Returns
    -------
    tuple of KnownAlarm
        By name, with the times that the models have now. An alarm of the same kind about the same subject is
        the same alarm, in the order of raising; what is left over is announced, or no longer supported.
    """
    before = [item for item in known if item.raised_ns <= base_ns and not _is_left_over(item)]
    within = sorted(
        (item for item in known if item.raised_ns > base_ns or _is_left_over(item)), key=lambda item: item.raised_ns
    )
    # As it was at the base: what was cleared since then stood.
    standing = [
        msgspec.structs.replace(item, cleared_ns=None)
        if item.cleared_ns is not None and item.cleared_ns > base_ns and item.is_supported
        else item
        for item in before
    ]
    found: list[tuple[ModelAlarmChange, int | None]] = []
    for change in changes:
        if change.raised:
            found.append((change, None))
            continue
        place = _find(standing, change)
        if place is not None:
            standing[place] = msgspec.structs.replace(standing[place], cleared_ns=change.at_ns)
            continue
        for number in range(len(found) - 1, -1, -1):
            raised = found[number][0]
            same = (raised.kind, raised.subject, raised.raised_at_ns)
            if same == (change.kind, change.subject, change.raised_at_ns) and found[number][1] is None:
                found[number] = (raised, change.at_ns)
                break
    result = [_settle(old, new, news) for old, new in zip(before, standing, strict=True)]
    matched = _match(within, [raised for raised, _ in found])
    for number, (raised, cleared_ns) in enumerate(found):
        old = matched.get(number)
        if old is None:
            fresh = news.announce(asset, raised)
            old = fresh
        elif _is_left_over(old):
            old = _taken_up(old, raised.raised_at_ns)
        new = msgspec.structs.replace(old, raised_ns=raised.raised_at_ns, cleared_ns=cleared_ns, is_supported=True)
        result.append(_settle(old, new, news))
    kept = {item.id for item in matched.values()}
    for old in within:
        if old.id not in kept:
            if old.is_supported:
                cleared_ns = old.cleared_ns if old.cleared_ns is not None else revised_at_ns
                news.changes.append(AlarmChange(id=old.id, cleared_at_ns=cleared_ns, supported=False))
                old = msgspec.structs.replace(old, cleared_ns=cleared_ns, is_supported=False)  # noqa: PLW2901
            result.append(old)
    return tuple(result)


def close_left_over(
    known: Sequence[KnownAlarm], decision: Decision, at_ns: int, news: AlarmNews
) -> tuple[KnownAlarm, ...]:
    """End alarms that only people had open, where a decision would have ended them in the models."""

    def is_meant(item: KnownAlarm) -> bool:
        if decision.verb in {DecisionVerb.REPAIR, DecisionVerb.ACCEPT_NORMAL}:
            return is_about_condition(item.kind)
        if decision.verb is not DecisionVerb.DISMISS:
            return False
        return is_about_condition(item.kind) if decision.alarm_id is None else item.id == decision.alarm_id

    return _ended(known, lambda item: is_meant(item) and _is_left_over(item), at_ns, news)


def close_about(known: Sequence[KnownAlarm], subject: str, at_ns: int, news: AlarmNews) -> tuple[KnownAlarm, ...]:
    """End the open alarms about values of a channel of which the models begin anew; that it is silent still holds."""

    def is_meant(item: KnownAlarm) -> bool:
        return item.cleared_ns is None and item.subject == subject and item.kind.startswith("sensor.")

    return _ended(known, is_meant, at_ns, news)


def _ended(
    known: Sequence[KnownAlarm], is_meant: Callable[[KnownAlarm], bool], at_ns: int, news: AlarmNews
) -> tuple[KnownAlarm, ...]:
    """End some alarms, and tell which."""
    alarms = list(known)
    for place, item in enumerate(alarms):
        if is_meant(item):
            news.changes.append(AlarmChange(id=item.id, cleared_at_ns=at_ns))
            alarms[place] = msgspec.structs.replace(item, cleared_ns=at_ns)
    return tuple(alarms)


def forget(known: Sequence[KnownAlarm], before_ns: int) -> tuple[KnownAlarm, ...]:
    """Leave out what was over before an event time that re-scoring cannot reach any more."""
    return tuple(item for item in known if item.cleared_ns is None or item.cleared_ns >= before_ns)


def _find(alarms: Sequence[KnownAlarm], change: ModelAlarmChange) -> int | None:
    key = (change.kind, change.subject, change.raised_at_ns)
    for place in range(len(alarms) - 1, -1, -1):
        if (alarms[place].kind, alarms[place].subject, alarms[place].raised_ns) == key:
            return place
    return None


def _is_left_over(item: KnownAlarm) -> bool:
    """Tell whether people have an alarm open that models of an earlier version raised, and those of now do not."""
    return item.cleared_ns is None and not item.is_supported


def _find_left_over(alarms: Sequence[KnownAlarm], change: ModelAlarmChange) -> int | None:
    for place, item in enumerate(alarms):
        if _is_left_over(item) and (item.kind, item.subject) == (change.kind, change.subject):
            return place
    return None


def _taken_up(item: KnownAlarm, raised_ns: int) -> KnownAlarm:
    """Give an alarm that was left over as the models have it by now: for people it was open all the time."""
    return msgspec.structs.replace(item, raised_ns=raised_ns, is_supported=True)


def _match(known: Sequence[KnownAlarm], found: Sequence[ModelAlarmChange]) -> dict[int, KnownAlarm]:
    """Give for places in `found` the known alarm that each is: of the same time first, then in order."""
    matched: dict[int, KnownAlarm] = {}
    left = list(known)
    for exact in (True, False):
        for number, change in enumerate(found):
            if number in matched:
                continue
            for item in left:
                same = (item.kind, item.subject) == (change.kind, change.subject)
                if same and (not exact or item.raised_ns == change.raised_at_ns):
                    matched[number] = item
                    left.remove(item)
                    break
    return matched


def _settle(old: KnownAlarm, new: KnownAlarm, news: AlarmNews) -> KnownAlarm:
    """Say what is different for people."""
    if not old.is_supported and new.is_supported:
        news.changes.append(AlarmChange(id=new.id, reopened=True, supported=True))
        if new.cleared_ns is not None:
            news.changes.append(AlarmChange(id=new.id, cleared_at_ns=new.cleared_ns))
    elif new.cleared_ns is None and old.cleared_ns is not None:
        news.changes.append(AlarmChange(id=new.id, reopened=True))
    elif new.cleared_ns is not None and new.cleared_ns != old.cleared_ns:
        news.changes.append(AlarmChange(id=new.id, cleared_at_ns=new.cleared_ns))
    return new


def _reopened(old: KnownAlarm, raised_ns: int, news: AlarmNews) -> KnownAlarm:
    return _settle(old, msgspec.structs.replace(old, raised_ns=raised_ns, cleared_ns=None, is_supported=True), news)
