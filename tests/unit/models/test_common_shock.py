"""Who speaks for a group: the sound ones, whatever the others do."""

from __future__ import annotations

import numpy as np

from models.common_shock import choose_speakers


def speakers(
    value: list[float],
    *,
    stood_out: list[bool] | None = None,
    is_alarmed: list[bool] | None = None,
    two_sided: bool = False,
) -> list[bool]:
    said = choose_speakers(
        np.zeros(len(value), np.intp),
        np.array(value),
        np.full(len(value), 0.05**2),
        stood_out=np.array(stood_out if stood_out is not None else [False] * len(value)),
        is_alarmed=np.array(is_alarmed if is_alarmed is not None else [False] * len(value), np.bool_),
        is_two_sided=np.full(len(value), two_sided),
        groups=1,
    )
    return [bool(speaks) for speaks in said]


def test_a_change_away_from_harm_is_seldom_so_the_sound_half_is_the_lower_one() -> None:
    assert speakers([0.0, 0.02, -0.03, 0.5, 0.55, 0.52]) == [True, True, True, False, False, False]


def test_all_that_move_together_speak() -> None:
    assert speakers([0.5, 0.55, 0.45, 0.52, 0.49], two_sided=True) == [True] * 5


def test_who_stood_out_yesterday_need_not_be_outnumbered() -> None:
    value, out = [0.0, 0.03, 0.6, 0.62, 0.64, 0.61], [False, False, True, True, True, True]
    assert speakers(value, stood_out=out, two_sided=True) == [True, True, False, False, False, False]


def test_where_as_many_moved_as_stayed_those_that_stayed_are_sound() -> None:
    assert speakers([0.01, -0.02, 0.31, 0.3], two_sided=True) == [True, True, False, False]


def test_a_standing_alarm_is_not_outvoted_by_damage_that_begins() -> None:
    """Two were found damaged long ago, two more come after them: four of six agree, and are no weather."""
    value, alarmed = [0.0, 0.02, 0.75, 0.77, 0.74, 0.76], [False, False, True, True, False, False]
    said = speakers(value, stood_out=alarmed, is_alarmed=alarmed, two_sided=True)
    assert said == [True, True, False, False, False, False]


def test_groups_do_not_hear_each_other() -> None:
    value = np.array([0.0, 0.5, 0.01, 0.5, -0.01, 0.5])
    group = np.array([0, 1, 0, 1, 0, 1])
    never = np.zeros(6, np.bool_)
    said = choose_speakers(
        group, value, np.full(6, 0.0025), stood_out=never, is_alarmed=never, is_two_sided=never, groups=3
    )
    assert said.all()


def test_the_order_of_channels_changes_nothing() -> None:
    chance = np.random.default_rng(1)
    for _ in range(100):
        value = chance.normal(scale=0.5, size=int(chance.integers(1, 12)))
        order = chance.permutation(len(value))
        first = np.array(speakers(value.tolist(), two_sided=True))
        assert speakers(value[order].tolist(), two_sided=True) == first[order].tolist()


def test_nobody_is_no_group() -> None:
    assert speakers([]) == []
