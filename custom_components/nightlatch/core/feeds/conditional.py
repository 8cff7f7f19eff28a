"""Documents from public servers, fetched only where they have changed.

A public index is asked about every lock every day, by every household. What it has
answered is kept, asked for anew only after a while, and then with the validators of the
answer (RFC 9110, 13.1: ``If-None-Match``, ``If-Modified-Since``). The limits are those
of a feed's transfers.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
import contextlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
import hashlib
import json
import os
from pathlib import Path
import tempfile
from typing import Any, Final, Self

import aiohttp
from yarl import URL

from ..errors import FeedError, FeedProblem
from ..records.stored import as_time
from .transfer import Limits, Transfers, feed_url

MAX_STALE: Final = timedelta(days=30)
"""How old an answer may be that stands in for a server that cannot be reached."""
USER_AGENT: Final = (
    "Nightlatch/0.1 (Home Assistant; +https://github.com/nightlatch/nightlatch)"
)

_SCHEMA = 1
_MAX_HEADER = 16 * 1024
_MAX_VALIDATOR = 1024
# Reasons that pass by themselves. A wrong certificate or a redirection may be an
# attack, and nothing is to look as if all were well then.
_PASSING = frozenset({FeedProblem.UNREACHABLE, FeedProblem.TOO_SLOW})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What a server answered, as it is kept: a line of JSON, then the body."""

    found: bool
    body: bytes
    checked: datetime
    """When the server last said that this is how it is."""
    etag: str | None = None
    modified: str | None = None

    def write(self, name: str) -> bytes:
        header = {
            "schema": _SCHEMA,
            "name": name,
            "found": self.found,
            "checked": self.checked.isoformat(),
            "etag": self.etag,
            "modified": self.modified,
            "sha256": hashlib.sha256(self.body).hexdigest(),
        }
        return json.dumps(header).encode() + b"\n" + self.body

    @classmethod
    def read(cls, data: bytes, name: str) -> Self | None:
        """Return what was written for a name, or ``None`` where it is damaged."""
        line, _, body = data.partition(b"\n")
        try:
            header: dict[str, Any] = json.loads(line[:_MAX_HEADER])
            answer = cls(
                found=header["found"] is True,
                body=body,
                checked=as_time(header["checked"]),
                etag=_validator(header["etag"]),
                modified=_validator(header["modified"]),
            )
            whole = (
                header["schema"] == _SCHEMA
                and header["name"] == name
                and header["sha256"] == hashlib.sha256(body).hexdigest()
            )
        except ValueError, TypeError, KeyError, RecursionError:
            return None
        return answer if whole else None

    def is_within(self, age: timedelta, now: datetime) -> bool:
        # A date to come says that a clock was wrong, so it proves no freshness.
        return timedelta() <= now - self.checked < age

    @property
    def document(self) -> bytes | None:
        """What the server has, if anything."""
        return self.body if self.found else None

    @property
    def validators(self) -> dict[str, str]:
        """Return the headers that ask whether this still holds."""
        headers = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: value for name, value in headers.items() if value}


def _validator(value: object) -> str | None:
    """Return a header's value that can be sent again as it came."""
    sendable = isinstance(value, str) and value.isascii() and value.isprintable()
    if not sendable or not isinstance(value, str) or len(value) > _MAX_VALIDATOR:
        return None
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    url: str
    body: bytes | None = None
    """None for GET; else JSON for POST."""
    limit: int
    """Bytes of the answer."""

    @property
    def name(self) -> str:
        """What an answer is kept under."""
        if self.body is None:
            return f"GET {self.url}"
        return f"POST {self.url} {hashlib.sha256(self.body).hexdigest()}"


@dataclass(frozen=True, slots=True)
class _Response:
    status: int
    body: bytes
    etag: str | None
    modified: str | None


class _Exchange(Transfers):
    """One request under the limits of a feed's transfers."""

    async def ask(self, request: _Request, headers: Mapping[str, str]) -> _Response:
        """Return the answer: one with a body, an unchanged one, or that there is none.

        Raises ``FeedError``.
        """
        url = URL(request.url)
        self.last = url.name
        started = self._loop.time()
        with self._telling():
            async with (
                asyncio.timeout(self._limits.answer) as patience,
                self._session.request(
                    "GET" if request.body is None else "POST",
                    url,
                    data=request.body,
                    headers=headers,
                    allow_redirects=False,
                    # An answer that is unpacked could be larger than the limit.
                    auto_decompress=False,
                    timeout=aiohttp.ClientTimeout(),
                ) as response,
            ):
                self._answered = True
                if response.status in (304, 404):
                    received = b""
                else:
                    self._check_answer(response)
                    received = await self._body(
                        response, request.limit, started, patience
                    )
                    if len(received) > request.limit:
                        raise FeedError(FeedProblem.TOO_LARGE, **self._place)
                return _Response(
                    response.status,
                    received,
                    _validator(response.headers.get("ETag")),
                    _validator(response.headers.get("Last-Modified")),
                )

    def _check_answer(self, response: aiohttp.ClientResponse) -> None:
        status = response.status
        if 300 <= status < 400:
            raise FeedError(FeedProblem.REDIRECTED, **self._place)
        if status != 200 or "Content-Encoding" in response.headers:
            raise FeedError(
                FeedProblem.HTTP_STATUS,
                host=self._place["host"],
                file=self._place["file"],
                status=status,
            )


class ConditionalFetcher:
    """Fetches documents, and keeps what it got in a directory of its own."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        cache: Path,
        clock: Callable[[], datetime],
        *,
        limits: Limits | None = None,
        user_agent: str = USER_AGENT,
        allow_loopback_http: bool = False,
    ) -> None:
        """Take a session, a directory that is made when needed, and the time.

        The clock gives aware datetimes. The service of Z-Wave JS wants an agent that
        names the application; plain HTTP is for tests against this very machine.
        """
        self._session = session
        self._cache = cache
        self._clock = clock
        self._limits = limits or Limits()
        self._user_agent = user_agent
        self._allow_loopback_http = allow_loopback_http
        # Two locks of one model ask for the same; the second one finds it kept.
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def get(
        self,
        url: str,
        *,
        limit: int,
        max_age: timedelta,
        max_stale: timedelta = MAX_STALE,
    ) -> bytes | None:
        """Return the document at a URL, ``None`` where the server has none (404).

        At most ``limit`` bytes. What was answered within ``max_age`` is not asked for
        again; what is older stands in for a server that does not answer, up to an age
        of ``max_stale``.

        Raises ``FeedError``: URL_INVALID, URL_NOT_HTTPS, UNREACHABLE, TOO_SLOW,
        CERTIFICATE_INVALID, REDIRECTED, HTTP_STATUS or TOO_LARGE.
        """
        return await self._fetch(_Request(url=url, limit=limit), max_age, max_stale)

    async def post_json(
        self,
        url: str,
        value: object,
        *,
        limit: int,
        max_age: timedelta,
        max_stale: timedelta = MAX_STALE,
    ) -> bytes | None:
        """Return the answer to a JSON value, which is kept as that of ``get``."""
        body = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
        request = _Request(url=url, body=body, limit=limit)
        return await self._fetch(request, max_age, max_stale)

    async def prune(self) -> None:
        """Remove the answers that are too old for any use."""
        oldest = (self._clock() - MAX_STALE).timestamp()
        await asyncio.to_thread(_prune, self._cache, oldest)

    async def _fetch(
        self, request: _Request, max_age: timedelta, max_stale: timedelta
    ) -> bytes | None:
        host = feed_url(request.url, allow_loopback_http=self._allow_loopback_http).host
        name = request.name
        file = self._cache / f"{hashlib.sha256(name.encode()).hexdigest()}.answer"
        async with self._locks[file.name]:
            kept = await asyncio.to_thread(_load, file, name, request.limit)
            if kept is not None and kept.is_within(max_age, self._clock()):
                return kept.document
            exchange = _Exchange(self._session, host or "", self._limits)
            try:
                answer = await self._renewed(exchange, request, kept)
            except FeedError as err:
                if (
                    kept is not None
                    and _passes(err)
                    and kept.is_within(max_stale, self._clock())
                ):
                    return kept.document
                raise
            await asyncio.to_thread(_store, file, answer.write(name))
        return answer.document

    async def _renewed(
        self, exchange: _Exchange, request: _Request, kept: _Answer | None
    ) -> _Answer:
        headers = {"User-Agent": self._user_agent, "Accept-Encoding": "identity"}
        if request.body is not None:
            headers["Content-Type"] = "application/json"
            # Only GET has an unchanged answer.
            kept = None
        if kept is not None:
            headers |= kept.validators
        response = await exchange.ask(request, headers)
        now = self._clock()
        if response.status == 304:
            if kept is None:
                # Nobody has asked whether something has changed.
                raise FeedError(
                    FeedProblem.HTTP_STATUS,
                    host=exchange.host,
                    file=exchange.last,
                    status=304,
                )
            return replace(kept, checked=now)
        return _Answer(
            found=response.status == 200,
            body=response.body,
            checked=now,
            etag=response.etag,
            modified=response.modified,
        )


def _passes(err: FeedError) -> bool:
    """Return whether an error will pass by itself.

    Among statuses those do that say "later" (RFC 9110, 15.6; RFC 6585, 4).
    """
    status = err.details.get("status", "")
    return err.reason in _PASSING or status == "429" or status.startswith("5")


def _load(file: Path, name: str, limit: int) -> _Answer | None:
    try:
        with file.open("rb") as opened:
            data = opened.read(_MAX_HEADER + limit + 1)
    except OSError:
        return None
    answer = _Answer.read(data, name)
    return answer if answer and len(answer.body) <= limit else None


def _store(file: Path, data: bytes) -> None:
    """Keep an answer, the old or the new one at any moment.

    Where there is no room for it, it is asked for again the next time.
    """
    with contextlib.suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made for its owner only.
        handle, temporary = tempfile.mkstemp(dir=file.parent)
        try:
            with os.fdopen(handle, "wb") as opened:
                opened.write(data)
            Path(temporary).replace(file)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise


def _prune(cache: Path, oldest: float) -> None:
    with contextlib.suppress(OSError):
        for file in cache.iterdir():
            # Every answer of a server writes its file anew.
            if file.stat().st_mtime < oldest:
                file.unlink(missing_ok=True)
