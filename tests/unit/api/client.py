"""A client without a socket: HTTP to the application in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
from fastapi import FastAPI


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: httpx2.Headers
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    def json(self) -> Any:
        return httpx2.Response(200, content=self.content).json()


@dataclass(frozen=True)
class Client:
    """Speaks HTTP to the application in this process; errors the server raises become its 500 answers."""

    app: FastAPI

    def send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        content: bytes | None = None,
        json: Any = None,
        host: str = "testserver",
    ) -> Answer:
        async def ask() -> Answer:
            transport = httpx2.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx2.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
                answer = await client.request(method, path, headers=headers, content=content, json=json)
                return Answer(answer.status_code, answer.headers, answer.content)

        return asyncio.run(ask())

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, body: Any) -> Answer:
        return self.send("POST", path, json=body)
