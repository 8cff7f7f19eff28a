"""The vendor's web server: serves files as told, honestly or in every bad way.

Nothing here knows TUF. What is served at a path is looked up at the time of a request;
how it is served can be changed by path pattern while the server runs.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
import ssl
from typing import Protocol, override

from aiohttp import web

type Lookup = Callable[[str], bytes | None]
"""Gives the file at a path without its leading slash, or None."""


@dataclass(frozen=True, slots=True)
class Request:
    """One line of the request log."""

    method: str
    path: str
    """Without the leading slash."""
    headers: dict[str, str]


class Behaviour(Protocol):
    """A way to answer a request other than well."""

    async def answer(
        self, request: web.Request, body: bytes | None
    ) -> web.StreamResponse:
        """Answer, ``body`` being what an honest server would send."""


@dataclass(frozen=True, slots=True)
class Status(Behaviour):
    """Answer with a status and nothing else."""

    status: int

    @override
    async def answer(
        self, request: web.Request, body: bytes | None
    ) -> web.StreamResponse:
        return web.Response(status=self.status)


@dataclass(frozen=True, slots=True)
class Redirect(Behaviour):
    """Send the client elsewhere."""

    location: str

    @override
    async def answer(
        self, request: web.Request, body: bytes | None
    ) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": self.location})


@dataclass(frozen=True, slots=True)
class Changed(Behaviour):
    """Send something else than the file."""

    change: Callable[[bytes], bytes]
    headers: tuple[tuple[str, str], ...] = ()

    @override
    async def answer(
        self, request: web.Request, body: bytes | None
    ) -> web.StreamResponse:
        return web.Response(body=self.change(body or b""), headers=dict(self.headers))


@dataclass(frozen=True, slots=True)
class Cut(Behaviour):
    """Promise the whole file, send the first bytes, and drop the connection."""

    after: int

    @override
    async def answer(
        self, request: web.Request, body: bytes | None
    ) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = len(body or b"")
        await response.prepare(request)
        await response.write((body or b"")[: self.after])
        if request.transport is not None:
            request.transport.close()
        return response


@dataclass(frozen=True, slots=True)
class Drip(Behaviour):
    """Send the file at a crawl."""

    size: int
    pause: float

    @override
    async def answer(
        self, request: web.Request, body: bytes | None
    ) -> web.StreamResponse:
        whole = body or b""
        response = web.StreamResponse()
        response.content_length = len(whole)
        await response.prepare(request)
        for start in range(0, len(whole), self.size):
            await asyncio.sleep(self.pause)
            await response.write(whole[start : start + self.size])
        return response


@dataclass(frozen=True, slots=True)
class Endless(Behaviour):
    """Send bytes for as long as anybody takes them."""

    chunk: bytes = b" " * 4096

    @override
    async def answer(
        self, request: web.Request, body: bytes | None
    ) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(self.chunk)
            # A write that finds room does not wait, and others must have their turn.
            await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class Silence(Behaviour):
    """Accept the request and never answer."""

    @override
    async def answer(
        self, request: web.Request, body: bytes | None
    ) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError


class VendorServer:
    """A web server on 127.0.0.1."""

    def __init__(self, lookup: Lookup, tls: ssl.SSLContext | None = None) -> None:
        """Prepare a server; ``start`` opens its door."""
        self.requests: list[Request] = []
        self.misbehaviour: dict[str, Behaviour] = {}
        """By path pattern with ``*``; the first that fits counts."""
        self._lookup = lookup
        self._tls = tls
        self._port = 0
        self._asked = asyncio.Condition()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The base URL, with a slash at its end."""
        scheme = "https" if self._tls else "http"
        return f"{scheme}://127.0.0.1:{self._port}/"

    async def start(self, port: int = 0) -> None:
        """Open the door; after a ``stop`` at the same port as before."""
        self._port = port or self._port
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True
        )
        await self._runner.setup()
        site = web.TCPSite(
            self._runner,
            "127.0.0.1",
            self._port,
            ssl_context=self._tls,
            reuse_address=True,
        )
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the door: from now on connections are refused."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def asked_for(self, path: str) -> None:
        """Wait until a file has been asked for, or is in the log already."""
        async with self._asked:
            await self._asked.wait_for(
                lambda: any(request.path == path for request in self.requests)
            )

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/")
        self.requests.append(Request(request.method, path, dict(request.headers)))
        async with self._asked:
            self._asked.notify_all()
        body = self._lookup(path)
        for pattern, behaviour in self.misbehaviour.items():
            if fnmatchcase(path, pattern):
                return await behaviour.answer(request, body)
        if body is None:
            return web.Response(status=404)
        return web.Response(body=body)
