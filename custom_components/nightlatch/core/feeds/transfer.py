"""Transfers of a feed: asked for by tuf in a thread, done by aiohttp on the event loop.

python-tuf is synchronous and leaves to its fetcher all that the TUF specification
leaves to it: it follows redirects, takes plain HTTP, and waits for a slow server
without end (slow retrieval attack; TUF specification 1.0.34, 1.5.2). Here a transfer
has a deadline, a least speed, and one host.
"""

import asyncio
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from dataclasses import dataclass
import ipaddress
import re
import threading
from typing import IO, override

import aiohttp
from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient.fetcher import FetcherInterface
from yarl import URL

from ..errors import FeedError, FeedProblem

_CHUNK = 64 * 1024
# A text that does not end goes on to the end: nothing is looked at twice.
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.?[^"\\]*+)*+"?', re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How patient a feed is waited for."""

    total: float = 300
    """Seconds for all transfers of a check or a fetch together."""
    file: float = 240
    """Seconds for one file."""
    answer: float = 30
    """Seconds until a server answers a request with anything."""
    grace: float = 10
    """Seconds of a transfer in which its speed does not count yet."""
    rate: float = 2048
    """Bytes a second that a transfer must reach on average."""
    metadata: int = 4 * 1024 * 1024
    """Bytes of all metadata of a check together, and of all that are cached."""
    values: int = 50_000
    """Values in them: an empty list takes two bytes of a file, and fifty of memory."""
    roles: int = 32
    """How many roles may sign for targets, the top-level one included."""


def feed_url(text: str, *, allow_loopback_http: bool = False) -> URL:
    """Return the base URL of a feed, with a slash at its end.

    Plain HTTP is for tests against this very machine. Credentials in the URL are
    refused since they would end up in logs, and so are queries, to which no path can be
    appended. Raises ``FeedError`` with URL_INVALID or URL_NOT_HTTPS.
    """
    try:
        url = URL(text)
    except ValueError as err:
        raise FeedError(FeedProblem.URL_INVALID) from err
    if not url.host or url.user is not None or url.password is not None:
        raise FeedError(FeedProblem.URL_INVALID)
    if url.query_string or url.fragment:
        raise FeedError(FeedProblem.URL_INVALID)
    if url.scheme == "http":
        if not (allow_loopback_http and _is_loopback(url.host)):
            raise FeedError(FeedProblem.URL_NOT_HTTPS, host=url.host)
    elif url.scheme != "https":
        raise FeedError(FeedProblem.URL_NOT_HTTPS, host=url.host)
    return url if text.endswith("/") else URL(f"{text}/")


def count_values(body: bytes) -> int:
    """Return how many values a JSON document has, or a few more."""
    without_texts = _TEXT.sub(b"", body)
    return sum(map(without_texts.count, (b"[", b"{", b",")))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Transfers(FetcherInterface):
    """All transfers of one check or one fetch.

    To be made on the event loop; the fetcher's methods are for one other thread.
    """

    def __init__(
        self, session: aiohttp.ClientSession, host: str, limits: Limits
    ) -> None:
        """Start the clock."""
        self.host = host
        self.received: dict[str, bytes] = {}
        """The last metadata, by file name without its directory."""
        self.last = ""
        """The name of the file that was asked for last."""
        self._session = session
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + limits.total
        self._size_limit: int
        """Of the file that is asked for, as long as it is."""
        self._left = limits.metadata
        self._values_left = limits.values
        self._of_metadata = True
        self._guard = threading.Lock()
        self._stopped = False
        self._answered: bool
        """Whether the server has answered the request that runs with anything."""
        self._running: Future[bytes] | None = None

    def stop(self) -> None:
        """End the running transfer and allow no other one.

        The thread that waits for it goes on at once, with an error.
        """
        with self._guard:
            self._stopped = True
            if self._running is not None:
                self._running.cancel()

    def expect_artifact(self, length: int) -> None:
        """Let one file more come than all metadata together may be long."""
        self._left = length
        self._of_metadata = False

    @override
    @contextmanager
    def download_file(self, url: str, max_length: int) -> Iterator[IO[bytes]]:
        """Download a file; its size is checked by tuf, but cut off by us."""
        self._size_limit = min(max_length, self._left)
        with super().download_file(url, max_length) as file:
            yield file

    @override
    def _fetch(self, url: str) -> Iterator[bytes]:
        self.last = url.rpartition("/")[2]
        with self._guard:
            if self._stopped:
                raise FeedError(FeedProblem.UNREACHABLE, **self._place)
            running = self._running = asyncio.run_coroutine_threadsafe(
                self._receive(url, self._size_limit), self._loop
            )
        try:
            # The transfer keeps its own deadlines. This one is for an event loop that
            # has come to a stop, where nobody would keep them.
            body = running.result(self._limits.total + self._limits.answer)
        except TimeoutError:
            running.cancel()
            raise FeedError(FeedProblem.TOO_SLOW, **self._place) from None
        except CancelledError:
            raise FeedError(FeedProblem.UNREACHABLE, **self._place) from None
        if self._of_metadata:
            self._spend(body)
            self.received[self.last] = body
        return iter((body,))

    def _spend(self, body: bytes) -> None:
        """Count what has come; raise ``FeedError`` before anybody looks into too much.

        Each file may be as long as TUF allows, but there may be any number of them, and
        all are held in memory at once.
        """
        self._left -= len(body)
        self._values_left -= count_values(body)
        if self._left < 0 or self._values_left < 0:
            raise self.too_much()

    def too_much(self) -> FeedError:
        """Return the error for metadata that are more than are read of a feed."""
        return FeedError(
            FeedProblem.TOO_MUCH,
            **self._place,
            limit=self._limits.metadata // 1024**2,
        )

    @property
    def _place(self) -> dict[str, str]:
        return {"host": self.host, "file": self.last}

    async def _receive(self, url: str, limit: int) -> bytes:
        """Return the body at a URL, or a little more than ``limit`` bytes of it."""
        started = self._loop.time()
        with self._telling():
            async with (
                asyncio.timeout_at(
                    min(self._deadline, started + self._limits.answer)
                ) as patience,
                self._session.get(
                    # Encoded by tuf; another encoding would be another name.
                    URL(url, encoded=True),
                    allow_redirects=False,
                    # The bytes are signed as they travel, so nothing is unpacked.
                    auto_decompress=False,
                    headers={"Accept-Encoding": "identity"},
                    timeout=aiohttp.ClientTimeout(),
                ) as response,
            ):
                self._answered = True
                self._check_status(response.status)
                return await self._body(response, limit, started, patience)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Tell what goes wrong with one request as ``FeedError``."""
        self._answered = False
        try:
            yield
        except TimeoutError as err:
            reason = FeedProblem.TOO_SLOW if self._answered else FeedProblem.UNREACHABLE
            raise FeedError(reason, **self._place) from err
        except aiohttp.ClientConnectorCertificateError as err:
            raise FeedError(FeedProblem.CERTIFICATE_INVALID, **self._place) from err
        except (aiohttp.ClientError, OSError) as err:
            raise FeedError(FeedProblem.UNREACHABLE, **self._place) from err

    async def _body(
        self,
        response: aiohttp.ClientResponse,
        limit: int,
        started: float,
        patience: asyncio.Timeout,
    ) -> bytes:
        """Return the body of an answer, or a little more than ``limit`` bytes of it."""
        body = bytearray()
        while True:
            patience.reschedule(self._next_deadline(started, len(body)))
            chunk = await response.content.read(_CHUNK)
            body += chunk
            if not chunk or len(body) > limit:
                return bytes(body)

    def _check_status(self, status: int) -> None:
        if 300 <= status < 400:
            raise FeedError(FeedProblem.REDIRECTED, **self._place)
        if status != 200:
            # tuf must see this one itself: a 404 ends the chain of roots.
            raise DownloadHTTPError(f"HTTP status {status}", status)

    def _next_deadline(self, started: float, received: int) -> float:
        """Return when the next bytes must have come.

        That is when the average speed would fall below the least one if none came.
        """
        too_slow = started + max(self._limits.grace, received / self._limits.rate)
        return min(self._deadline, started + self._limits.file, too_slow)
