"""How a page is looked at: by axe-core's rules, by its width, and in pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.lengths import either

Scheme: TypeAlias = Literal["light", "dark"]
SCHEMES: Sequence[Scheme] = ("light", "dark")
PATHS = ["/", "/map", "/matrix", "/alarms", "/alarms?view=alarms", "/alarms?view=decisions", "/work", "/sensors"]
PATHS += ["/report", "/about"]

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# The rules that look at colours: what a theme can break, because nothing else differs between themes.
COLOURS = ["color-contrast", "link-in-text-block"]
# What another language may break is how long words are; the colours are the same.
OTHER_LANGUAGE_SCHEMES = either(SCHEMES[:1], long=SCHEMES)

# Text that may not wrap does not make a page wider while there is another box beside its own: it lies over that one.
_STICKING_OUT = """() => [...document.querySelectorAll("main *")].filter((part) => {
  const box = part.closest(".tile, .panel, .case, .sheet");
  if (!box || part.closest(".leaflet-container, svg, .hidden, details:not([open])")) return false;
  for (let around = part; around !== box.parentElement; around = around.parentElement) {
    if (getComputedStyle(around).overflowX === "auto") return false;
  }
  const place = part.getBoundingClientRect();
  return place.width > 0 && place.right > box.getBoundingClientRect().right + 1;
}).slice(0, 3).map((part) => `${part.tagName} ${part.className}: ${part.textContent.trim().slice(0, 60)}`)"""


def violations(page: Page, rules: list[str] | None = None) -> list[str]:
    """Let axe-core judge the page as it stands, by all rules of WCAG and good practice or by some."""
    wanted = {"type": "tag", "values": TAGS} if rules is None else {"type": "rule", "values": rules}
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    options = {"runOnly": wanted, "resultTypes": ["violations"]}
    found = page.evaluate("options => axe.run(options)", options)["violations"]
    return [f"{item['id']}: {node['html'][:160]}" for item in found for node in item["nodes"][:3]]


def overflow(page: Page) -> int:
    """Give by how many pixels the page is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def sticking_out(page: Page) -> list[str]:
    """Name what reaches beyond the right edge of the box that it stands in, and cannot be scrolled to."""
    found: list[str] = page.evaluate(_STICKING_OUT)
    return found


def spoken(path: str, language: str) -> str:
    """Give the address of a page in a language."""
    return f"{path}{'&' if '?' in path else '?'}lang={language}"


def named(path: str) -> str:
    """Name the pictures of a page."""
    return re.sub(r"\W+", "-", path).strip("-")[:40] or "list"


def schemes_in(language: str) -> Sequence[Scheme]:
    """Give the themes that the pages of a language are looked at in."""
    return SCHEMES if language == "nl" else OTHER_LANGUAGE_SCHEMES


def look_closely(page: Page, shots: Path, name: str, schemes: Sequence[Scheme] = SCHEMES) -> list[str]:
    """Take pictures of a page as it stands, in its themes and narrow, and give all that is wrong with it."""
    wrong: list[str] = []
    page.set_viewport_size({"width": 1280, "height": 900})
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=shots / f"{name}-{scheme}.png", full_page=True)
        rules = None if scheme == schemes[0] else COLOURS
        wrong += [f"{name} {scheme}: {violation}" for violation in violations(page, rules)]
    for width in (640, 320):  # 200 % zoom of a window of 1280, and the narrowest that WCAG asks for
        page.set_viewport_size({"width": width, "height": 700})
        if over := overflow(page):
            wrong.append(f"{name} at {width}: {over} px too wide")
        wrong += [f"{name} at {width}: sticks out of its box: {part}" for part in sticking_out(page)]
    page.screenshot(path=shots / f"{name}-320.png", full_page=True)
    if page.locator("details:not([open])").count():
        page.evaluate("for (const folded of document.querySelectorAll('details')) folded.open = true")
        wrong += [f"{name} unfolded: {violation}" for violation in violations(page)]
        if over := overflow(page):
            wrong.append(f"{name} unfolded at 320: {over} px too wide")
    return wrong


def settle(page: Page) -> None:
    """Wait for signs on the map, where there is one."""
    if page.locator("#map").count():
        page.locator(".sign").first.wait_for()


def sheets(page: Page, shot: Path) -> int:
    """Print a page as it stands into a file, and count its sheets of paper."""
    printed = page.pdf(prefer_css_page_size=True, path=shot)
    return len(re.findall(rb"/Type\s*/Page\b", printed))
