"""Documents are fetched where they have changed, and within limits."""

from collections.abc import AsyncIterator
from datetime import timedelta
import os
from pathlib import Path
import ssl
import stat
from typing import override

import aiohttp
from aiohttp import web
import pytest

from custom_components.nightlatch.core.errors import FeedError, FeedProblem
from custom_components.nightlatch.core.feeds.conditional import ConditionalFetcher
from custom_components.nightlatch.core.feeds.transfer import Limits
from tests.rig.vendor_http import (
    Behaviour,
    Changed,
    Cut,
    Drip,
    Endless,
    Redirect,
    Silence,
    Status,
    VendorServer,
)

from .conftest import Clock

pytestmark = pytest.mark.usefixtures("socket_enabled")

BODY = b'{"all": "well"}'
DAY = timedelta(days=1)
NEVER = timedelta()


class Versioned(Behaviour):
    """Sends a file with its validators, or that it has not changed."""

    @override
    async def answer(
        self, request: web.Request, body: bytes | None
    ) -> web.StreamResponse:
        marks = {"ETag": '"one"', "Last-Modified": "Tue, 24 Nov 2026 00:00:00 GMT"}
        if request.headers.get("If-None-Match") == '"one"':
            return web.Response(status=304, headers=marks)
        return web.Response(body=body, headers=marks)


class Household:
    """A fetcher, its clock and the server that it asks."""

    def __init__(self, session: aiohttp.ClientSession, cache: Path) -> None:
        """Begin with one document."""
        self.files = {"index.json": BODY}
        self.server = VendorServer(self.files.get)
        self.clock = Clock()
        self.cache = cache
        self.limits = Limits(total=5, file=5, answer=0.3, grace=0.3)
        self._session = session

    @property
    def fetcher(self) -> ConditionalFetcher:
        """A fetcher as after a start."""
        return ConditionalFetcher(
            self._session,
            self.cache,
            self.clock,
            limits=self.limits,
            allow_loopback_http=True,
        )

    async def get(
        self,
        name: str = "index.json",
        *,
        max_age: timedelta = DAY,
        limit: int = 1000,
        max_stale: timedelta = timedelta(days=30),
    ) -> bytes | None:
        """Get a document."""
        return await self.fetcher.get(
            self.server.url + name, limit=limit, max_age=max_age, max_stale=max_stale
        )

    async def refusal(
        self, *, max_age: timedelta = DAY, limit: int = 1000
    ) -> FeedError:
        """Return why a document is not to be had."""
        with pytest.raises(FeedError) as caught:
            await self.get(max_age=max_age, limit=limit)
        return caught.value

    @property
    def kept(self) -> Path:
        """The one file in the cache."""
        (file,) = self.cache.iterdir()
        return file


@pytest.fixture
async def home(
    session: aiohttp.ClientSession, tmp_path: Path
) -> AsyncIterator[Household]:
    """Return a household whose server is up."""
    home = Household(session, tmp_path / "index" / "cache")
    await home.server.start()
    yield home
    await home.server.stop()


async def test_a_fresh_answer_is_not_asked_for_again(home: Household) -> None:
    """Not even after a restart; and the file is its owner's alone."""
    assert await home.get() == BODY
    assert await home.get() == BODY
    assert len(home.server.requests) == 1
    assert stat.S_IMODE(home.kept.stat().st_mode) == 0o600
    home.clock.offset = timedelta(hours=25)
    assert await home.get() == BODY
    assert len(home.server.requests) == 2


async def test_the_agent_is_named(home: Household) -> None:
    """And nothing packed is wanted, which could be larger than the limit."""
    await home.get()
    headers = home.server.requests[0].headers
    assert headers["User-Agent"].startswith("Nightlatch/")
    assert headers["Accept-Encoding"] == "identity"


async def test_an_unchanged_document_is_not_sent_again(home: Household) -> None:
    """Its answer counts as new from then on."""
    home.server.misbehaviour["*"] = Versioned()
    assert await home.get() == BODY
    assert await home.get(max_age=NEVER) == BODY
    second = home.server.requests[1].headers
    assert second["If-None-Match"] == '"one"'
    assert second["If-Modified-Since"] == "Tue, 24 Nov 2026 00:00:00 GMT"


async def test_a_changed_document_is_taken(home: Household) -> None:
    """In place of the old one."""
    await home.get()
    home.files["index.json"] = b"new"
    assert await home.get(max_age=NEVER) == b"new"
    assert await home.get() == b"new"


async def test_a_document_that_is_not_there_is_none(home: Household) -> None:
    """Which is kept too, and ends when it appears."""
    assert await home.get("none.json") is None
    assert await home.get("none.json") is None
    assert len(home.server.requests) == 1
    home.files["none.json"] = BODY
    assert await home.get("none.json", max_age=NEVER) == BODY


async def test_an_answer_to_a_question_is_kept(home: Household) -> None:
    """For that question, and it has no unchanged answer."""
    home.server.misbehaviour["*"] = Versioned()
    url = home.server.url + "index.json"

    async def post(value: object, max_age: timedelta = DAY) -> bytes | None:
        return await home.fetcher.post_json(url, value, limit=1000, max_age=max_age)

    assert await post({"a": 1, "b": 2}) == BODY
    assert await post({"b": 2, "a": 1}) == BODY
    assert len(home.server.requests) == 1
    assert home.server.requests[0].method == "POST"
    assert home.server.requests[0].headers["Content-Type"] == "application/json"
    assert await post({"a": 2}) == BODY
    assert await post({"a": 2}, NEVER) == BODY
    assert len(home.server.requests) == 3
    assert "If-None-Match" not in home.server.requests[2].headers


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (Redirect("https://elsewhere.example/"), FeedProblem.REDIRECTED),
        (Status(403), FeedProblem.HTTP_STATUS),
        (Status(500), FeedProblem.HTTP_STATUS),
        (Status(304), FeedProblem.HTTP_STATUS),
        (
            Changed(lambda body: body, (("Content-Encoding", "gzip"),)),
            FeedProblem.HTTP_STATUS,
        ),
        (Endless(), FeedProblem.TOO_LARGE),
        (Cut(5), FeedProblem.UNREACHABLE),
        (Silence(), FeedProblem.UNREACHABLE),
        (Drip(1, 0.2), FeedProblem.TOO_SLOW),
    ],
)
async def test_a_bad_answer_is_refused(
    home: Household, behaviour: Behaviour, reason: FeedProblem
) -> None:
    """And the file is named."""
    home.server.misbehaviour["*"] = behaviour
    error = await home.refusal()
    assert error.reason is reason
    assert error.details["file"] == "index.json"
    assert error.details["host"] == "127.0.0.1"


async def test_a_document_may_be_as_large_as_the_limit(home: Household) -> None:
    """And no byte larger."""
    assert await home.get(limit=len(BODY)) == BODY
    error = await home.refusal(limit=len(BODY) - 1)
    assert error.reason is FeedProblem.TOO_LARGE


@pytest.mark.parametrize("behaviour", [Status(503), Status(429), Silence(), Cut(5)])
async def test_an_old_answer_stands_in_for_a_server_in_trouble(
    home: Household, behaviour: Behaviour
) -> None:
    """For thirty days, unless the caller wants a fresh one."""
    await home.get()
    home.server.misbehaviour["*"] = behaviour
    home.clock.offset = timedelta(days=29)
    assert await home.get() == BODY
    with pytest.raises(FeedError):
        await home.get(max_age=NEVER, max_stale=NEVER)
    home.clock.offset = timedelta(days=31)
    await home.refusal()


async def test_a_server_that_is_gone_is_unreachable(home: Household) -> None:
    """When nothing is kept that could stand in."""
    await home.server.stop()
    assert (await home.refusal()).reason is FeedProblem.UNREACHABLE


@pytest.mark.parametrize(
    "behaviour", [Redirect("https://elsewhere.example/"), Status(403), Endless()]
)
async def test_no_old_answer_hides_what_does_not_pass(
    home: Household, behaviour: Behaviour
) -> None:
    """Somebody may be in the way."""
    await home.get()
    home.server.misbehaviour["*"] = behaviour
    await home.refusal(max_age=NEVER)


async def test_an_answer_from_the_future_is_asked_for_again(home: Household) -> None:
    """The clock was wrong, then or now."""
    await home.get()
    home.clock.offset = timedelta(days=-2)
    await home.get()
    assert len(home.server.requests) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: b"",
        lambda data: b"[1]\n" + BODY,
        lambda data: b"[" * 10_000,
        lambda data: b"\xff" + data,
        lambda data: data.replace(b'"schema": 1', b'"schema": 2'),
        lambda data: data.replace(b'"etag"', b'"other"'),
        lambda data: data.replace(b"index.json", b"other.json"),
        lambda data: data.replace(b"+00:00", b""),
    ],
)
async def test_a_damaged_file_counts_as_none(home: Household, damage: object) -> None:
    """The document is fetched again, without a condition."""
    assert callable(damage)
    home.server.misbehaviour["*"] = Versioned()
    await home.get()
    home.kept.write_bytes(damage(home.kept.read_bytes()))
    assert await home.get() == BODY
    assert len(home.server.requests) == 2
    assert "If-None-Match" not in home.server.requests[1].headers


async def test_odd_validators_are_not_sent_back(home: Household) -> None:
    """Only what fits into a header again."""
    tags = (("ETag", "x" * 2000),)
    home.server.misbehaviour["*"] = Changed(lambda body: body, tags)
    await home.get()
    await home.get(max_age=NEVER)
    assert "If-None-Match" not in home.server.requests[1].headers


async def test_a_full_disk_keeps_nobody_from_the_answer(
    home: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is only asked for again, and nothing half written stays."""

    def full(self: Path, target: Path) -> Path:
        raise OSError("no room")

    monkeypatch.setattr(Path, "replace", full)
    assert await home.get() == BODY
    assert list(home.cache.iterdir()) == []
    assert await home.get() == BODY
    assert len(home.server.requests) == 2


async def test_old_answers_are_removed(home: Household) -> None:
    """Those that could not stand in for anything; a missing directory is none."""
    await home.fetcher.prune()
    await home.get()
    await home.fetcher.prune()
    assert home.kept.exists()
    old = (home.clock() - timedelta(days=31)).timestamp()
    os.utime(home.kept, (old, old))
    await home.fetcher.prune()
    assert list(home.cache.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://locks.example/a", FeedProblem.URL_NOT_HTTPS),
        ("https://me:secret@locks.example/a", FeedProblem.URL_INVALID),
        ("nonsense", FeedProblem.URL_INVALID),
    ],
)
async def test_any_other_url_is_not_asked(
    home: Household, url: str, reason: FeedProblem
) -> None:
    """As for feeds."""
    with pytest.raises(FeedError) as caught:
        await home.fetcher.get(url, limit=1, max_age=DAY)
    assert caught.value.reason is reason


async def test_a_certificate_that_nobody_trusts_is_refused(
    home: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no old answer stands in for it."""
    await home.get()

    def untrusted(*_: object, **__: object) -> None:
        key = aiohttp.client_reqrep.ConnectionKey(
            "127.0.0.1", 443, True, True, None, None, None
        )
        raise aiohttp.ClientConnectorCertificateError(key, ssl.CertificateError())

    monkeypatch.setattr(aiohttp.ClientSession, "request", untrusted)
    error = await home.refusal(max_age=NEVER)
    assert error.reason is FeedProblem.CERTIFICATE_INVALID
