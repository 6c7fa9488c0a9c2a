"""A paper about the algorithm or a decision as a page that prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.algorithm.printing import printed
from api.languages import Language
from api.pages.frame import bare_html

__all__ = ["paper_html"]


def paper_html(paper: Mapping[str, Any], language: Language, *, linked: bool) -> str:
    """Lay out a paper; one that is not linked carries its own style, for a file on disk."""
    return bare_html(
        "paper.html",
        language,
        title=paper["title"],
        organisation=paper["organisation"],
        paper=printed(paper, language),
        linked=linked,
    )
