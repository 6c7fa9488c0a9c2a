"""A look takes no more assets than messages can wait for, and none of them waits for ever."""

from __future__ import annotations

from domain.identifiers import AssetId
from service.looks import WaitingLooks


def test_those_that_wait_longest_come_first_though_others_come_again() -> None:
    looks = WaitingLooks()
    assets = [AssetId(f"brug-{number}") for number in range(250)]
    looks.wait(assets)
    seen: list[AssetId] = []
    for _ in range(4):
        now = looks.next()
        seen += now
        looks.done(now)
        looks.wait(assets[:10])
    assert seen[:250] == assets
    assert sorted(seen[250:]) == sorted(assets[:10])
    looks.done(assets)
    assert looks.next() == []


def test_none_comes_twice_in_a_round() -> None:
    looks = WaitingLooks()
    assets = [AssetId(f"brug-{number}") for number in range(101)]
    looks.wait(assets)
    looks.done(looks.next())
    looks.wait(assets)
    assert looks.left == 1
    assert looks.next() == assets[100:]
    looks.done(assets[100:])
    assert looks.left == 0
    looks.done(looks.next())
    assert looks.left == 0
