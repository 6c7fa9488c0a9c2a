"""Files of the pages: style, script, icon; part of the program, with a tag of their content."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response
from xstatic.pkg import leaflet

from api.access import rooms_of
from api.conditional import accepts_gzip, holds, revalidated
from api.interactive import BUNDLE_NAME, BUNDLE_TAG, Bundle
from api.problems import not_found

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_FOLDER: Final = Path(__file__).parents[1] / "static"
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def _read(path: Path) -> tuple[bytes, str]:
    return path.read_bytes(), _TYPES[path.suffix]


_LEAFLET: Final = Path(leaflet.BASE_DIR)
# Read once: a missing file shows at start instead of in a browser.
_FILES: Final = {path.name: _read(path) for path in sorted(_FOLDER.iterdir()) if path.suffix in _TYPES} | {
    f"leaflet/{name}": _read(_LEAFLET / name) for name in ("leaflet.css", "leaflet.js")
}


@router.get("/static/theme.css")
def show_theme(request: Request) -> Response:
    """Give the owner's theme; empty where there is none."""
    return _sent(request, rooms_of(request).settings.theme_css, "text/css")


@router.get("/static/logo")
def show_logo(request: Request) -> Response:
    """Give the owner's sign, or ours."""
    settings = rooms_of(request).settings
    if settings.logo:
        return _sent(request, settings.logo, settings.logo_type)
    return _sent(request, *_FILES["schouw.svg"])


_bundle: Final = Bundle()


@router.get("/static/{name:path}")
def show_file(request: Request, name: str) -> Response:
    """Give one file; browsers keep it and ask whether it is still the same."""
    if name == BUNDLE_NAME:
        return _sent_bundle(request)
    if name not in _FILES:
        raise not_found("file", name)
    return _sent(request, *_FILES[name])


def _sent_bundle(request: Request) -> Response:
    """Give the library of interactive charts; its address changes with its content, so browsers keep it."""
    is_packed = accepts_gzip(request.headers.get("accept-encoding", ""))
    headers = {
        "ETag": f'"{BUNDLE_TAG}-gzip"' if is_packed else f'"{BUNDLE_TAG}"',
        "Cache-Control": "public, max-age=31536000, immutable",
        "Vary": "Accept-Encoding",
    }
    if holds(request.headers, BUNDLE_TAG):
        return Response(status_code=304, headers=headers)
    packed = _bundle.packed()
    if is_packed:
        headers["Content-Encoding"] = "gzip"
    return Response(packed if is_packed else gzip.decompress(packed), headers=headers, media_type="text/javascript")


def _sent(request: Request, content: bytes, media_type: str) -> Response:
    tag = f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    return revalidated(request, tag) or Response(content, media_type=media_type, headers=headers)
