"""How a delivery is signed: as the libraries of receivers check it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

from service.databases import ACCESS, databases, opened
from service.settings import Settings
from service.webhooks import signature
from storage.webhooks import WebhookStore


def test_the_vector_of_standard_webhooks() -> None:
    """The text of the secret was the key, so no library of the standard took what came."""
    got = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        '{"test": 2432232314}',
    )
    assert got == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_new_secret_is_base64_of_its_key(tmp_path: Path) -> None:
    database = next(item for item in databases(Settings(data_dir=tmp_path)) if item.name == ACCESS)
    with opened(database.address) as engine:
        database.upgrade(engine)
        made = WebhookStore(engine).create(
            organisation="o", url="https://example.org/", events=["alarm"], now_ns=1, revision=0, decisions_seq=0
        )
    key = base64.b64decode(made.secret.removeprefix("whsec_"), validate=True)
    assert len(key) == 32
    digest = base64.b64encode(hmac.new(key, b"d.5.{}", hashlib.sha256).digest()).decode()
    assert signature(made.secret, "d", 5, "{}") == f"v1,{digest}"


def test_a_secret_from_before_goes_on_as_it_was() -> None:
    secret = f"whsec_{'a-_' * 14}b"
    digest = base64.b64encode(hmac.new(secret.encode(), b"d.5.{}", hashlib.sha256).digest()).decode()
    assert signature(secret, "d", 5, "{}") == f"v1,{digest}"
