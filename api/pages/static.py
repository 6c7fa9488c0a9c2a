"""Files of the pages: style, script, icon; part of the program, with a tag of their content."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response
from xstatic.pkg import leaflet

from api.conditional import revalidated
from api.problems import not_found

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_FOLDER: Final = Path(__file__).parents[1] / "static"
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def _read(path: Path) -> tuple[bytes, str, str]:
    content = path.read_bytes()
    return content, _TYPES[path.suffix], f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'


_LEAFLET: Final = Path(leaflet.BASE_DIR)
# Read once: a missing file shows at start instead of in a browser.
_FILES: Final = {path.name: _read(path) for path in sorted(_FOLDER.iterdir()) if path.suffix in _TYPES} | {
    f"leaflet/{name}": _read(_LEAFLET / name) for name in ("leaflet.css", "leaflet.js")
}


@router.get("/static/{name:path}")
def show_file(request: Request, name: str) -> Response:
    """Give one file; browsers keep it and ask whether it is still the same."""
    if name not in _FILES:
        raise not_found("file", name)
    content, media_type, tag = _FILES[name]
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    return revalidated(request, tag) or Response(content, media_type=media_type, headers=headers)
