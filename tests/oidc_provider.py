"""A small OpenID Connect provider on a loopback port, for tests: discovery, code with PKCE, RS256, one use a code.

It checks what a strict provider checks (client, secret, redirect address, verifier), so that a client that leaves
something out does not get in. A test chooses who is logged in there, and may make it lie.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID = "schouw"
CLIENT_SECRET = "geheim-van-de-test"  # noqa: S105 -- of a test


@dataclass
class Provider:
    """What the provider knows, and how it lies."""

    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "p-1", "name": "P. Planner", "roles": ["plannen"]})
    lies: dict[str, Any] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1", "use": "sig", "alg": "RS256"}))
    signing_key: RSAKey | None = None
    issuer: str = ""

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": nonce}
        return jwt.encode({"alg": "RS256", "kid": "1"}, claims | self.claims | self.lies, self.signing_key or self.key)

    def authorize(self, question: dict[str, str]) -> str:
        """Let the person in at once, and give where the browser goes."""
        self.asked.append(question)
        assert question["response_type"] == "code"
        assert question["client_id"] == CLIENT_ID
        assert question["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe()
        self.codes[code] = question
        return f"{question['redirect_uri']}?{urlencode({'code': code, 'state': question['state']})}"

    def redeem(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """Give tokens for a code, once, to the client that can prove that it began."""
        question = self.codes.pop(form.get("code", ""), None)
        expected = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            question is None
            or authorization != f"Basic {expected}"
            or form.get("redirect_uri") != question["redirect_uri"]
            or challenge != question["code_challenge"]
        ):
            return None
        token = self.id_token(question["nonce"])
        return {"access_token": "a", "token_type": "Bearer", "expires_in": 300, "id_token": token}


@contextlib.contextmanager
def running_provider() -> Iterator[Provider]:
    """Serve a provider until the end of the block."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def answer(self, status: int, body: object, **headers: str) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            for name, value in (
                {"Content-Type": "application/json", "Content-Length": str(len(data))} | headers
            ).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path == "/.well-known/openid-configuration":
                self.answer(
                    200,
                    {
                        "issuer": provider.issuer,
                        "authorization_endpoint": f"{provider.issuer}/authorize",
                        "token_endpoint": f"{provider.issuer}/token",
                        "jwks_uri": f"{provider.issuer}/jwks",
                        "id_token_signing_alg_values_supported": ["RS256"],
                    },
                )
            elif path == "/jwks":
                self.answer(200, {"keys": [provider.key.as_dict(private=False)]})
            elif path == "/authorize":
                question = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
                self.answer(302, {}, Location=provider.authorize(question))
            else:
                self.answer(404, {})

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            form = {name: values[0] for name, values in parse_qs(text).items()}
            tokens = provider.redeem(form, self.headers.get("Authorization", ""))
            self.answer(200 if tokens else 400, tokens or {"error": "invalid_grant"})

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
