"""What an explanation says of how wide a remaining life is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from api.examples import EXPLANATION
from api.explaining import explanation_item, explanation_text
from api.languages import Language
from domain.basis import AssessmentBasis
from domain.explanations import Explanation
from domain.register import Asset, AssetType

NOW_NS = EXPLANATION.assessment.assessed_at_ns


def told_with(stretch: float, *, damaged: float = 0.99, is_open: bool = True) -> Explanation:
    basis = AssessmentBasis(0.01, 1e5, 3e5, 21.0, None, False, (), (), (), life_stretch=stretch)
    changes = (replace(EXPLANATION.changes[0], damaged=damaged, is_open=is_open),)
    return replace(EXPLANATION, assessment=replace(EXPLANATION.assessment, basis=basis), changes=changes)


@pytest.mark.parametrize(
    ("stretch", "english", "dutch"), [(0.7, "narrower", "kleiner"), (1.4, "wider", "ruimer"), (0.94, None, None)]
)
def test_a_margin_that_is_not_as_usual_is_told(stretch: float, english: str | None, dutch: str | None) -> None:
    explanation = told_with(stretch)
    for language, word, margin in ((Language.ENGLISH, english, "margin"), (Language.DUTCH, dutch, "marge")):
        said = [line for line in explanation_text(explanation, language) if margin in line]
        assert [word in line for line in said if word] == ([True] if word else [])
        assert bool(said) == bool(word)
    asset = Asset(EXPLANATION.assessment.asset, "Bridge", AssetType.BRIDGE)
    assert explanation_item(asset, explanation, Language.ENGLISH, NOW_NS).life_stretch == stretch


@pytest.mark.parametrize(
    ("week", "english", "dutch"),
    [
        (0, "Repairing is cheapest this week;", "Herstel is deze week het goedkoopst;"),
        (1, "Repairing is cheapest next week;", "Herstel is volgende week het goedkoopst;"),
        (2, "The cheapest week to repair is week 2 from now;", "De goedkoopste week voor herstel is over 2 weken;"),
    ],
)
def test_a_near_week_has_a_name(week: int, english: str, dutch: str) -> None:
    """It said "over 1 weken"."""
    explanation = replace(EXPLANATION, plan=replace(EXPLANATION.plan, best_week=week))
    for language, begin in ((Language.ENGLISH, english), (Language.DUTCH, dutch)):
        assert any(line.startswith(begin) for line in explanation_text(explanation, language))


@pytest.mark.parametrize(("damaged", "is_open", "told"), [(0.6, False, 0.7), (0.1, True, 0.7), (0.1, False, 1.0)])
def test_only_the_life_of_a_damage_is_stretched(damaged: float, told: float, *, is_open: bool) -> None:
    explanation = told_with(0.7, damaged=damaged, is_open=is_open)
    asset = Asset(EXPLANATION.assessment.asset, "Bridge", AssetType.BRIDGE)
    assert explanation_item(asset, explanation, Language.ENGLISH, NOW_NS).life_stretch == told
