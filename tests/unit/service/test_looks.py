"""A look takes no more assets than messages can wait for, and none of them waits for ever."""

from __future__ import annotations

from domain.identifiers import AssetId
from service.looks import WaitingLooks

APART_S = 0.25


def names(count: int) -> list[AssetId]:
    return [AssetId(f"brug-{number}") for number in range(count)]


def look(looks: WaitingLooks, now: float) -> list[AssetId]:
    found = looks.next(now, APART_S)
    looks.done(now)
    return found


def test_those_that_wait_longest_come_first_though_others_come_again() -> None:
    looks = WaitingLooks()
    assets = names(250)
    looks.wait(assets)
    seen: list[AssetId] = []
    for number in range(4):
        seen += look(looks, float(number))
        looks.wait(assets[:10])
    assert seen[:250] == assets
    assert seen[250:] == assets[:10] + assets[:10]


def test_one_that_speaks_now_and_then_is_not_behind_a_thousand_that_never_stop() -> None:
    looks, busy, probe = WaitingLooks(), names(1000), AssetId("sluis-1")
    waited = []
    looks.wait([probe])
    look(looks, 0.0)
    for number in range(1, 100):
        looks.wait(busy)
        # Comes last of all, and has not been looked at for as long as any of them.
        if number % 25 == 0:
            looks.wait([probe])
            came = number
        if probe in look(looks, float(number)):
            waited.append(number - came)
    assert waited == [0, 0, 0]


def test_busy_ones_take_turns() -> None:
    looks, busy = WaitingLooks(), names(1000)
    seen: list[AssetId] = []
    for number in range(30):
        looks.wait(busy)
        seen += look(looks, float(number))
    assert [seen.count(asset) for asset in busy] == [3] * 1000


def test_newcomers_do_not_keep_those_that_came_before_them() -> None:
    """A thousand structures that start were all assessed before the second reading of one that ran already."""
    looks, probe = WaitingLooks(), AssetId("sluis-1")
    looks.wait([probe, *names(200)])
    look(looks, 0.0)
    look(looks, 1.0)
    looks.wait([AssetId(f"weg-{number}") for number in range(1000)])
    looks.wait([probe])
    assert probe in look(looks, 2.0)


def test_an_asset_is_left_alone_for_a_while_behind_a_look() -> None:
    looks, (early, late) = WaitingLooks(), names(2)
    looks.wait([early])
    look(looks, 5.0)
    looks.wait([late, early])
    assert not looks.is_due(5.2, APART_S)
    assert look(looks, 5.2) == []
    assert look(looks, 5.25) == [late, early]


def test_a_look_that_could_not_be_written_is_the_next_one_too() -> None:
    looks, assets = WaitingLooks(), names(101)
    looks.wait(assets)
    first = list(looks.next(1.0, APART_S))
    looks.wait(assets)
    assert looks.next(2.0, APART_S) == first
    looks.done(2.0)
    assert look(looks, 3.0) == assets[100:]
    assert look(looks, 9.0) == []
