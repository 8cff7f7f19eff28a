"""Where a feed may be, and how its transfers end when nobody wants them any more."""

import asyncio
from collections.abc import Callable
import threading
import time
from typing import override

import aiohttp
from aiohttp import web
import pytest
from tuf.api.exceptions import (
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
)
from yarl import URL

from custom_components.nightlatch.core.errors import FeedError, FeedProblem
from custom_components.nightlatch.core.feeds.transfer import (
    Limits,
    Transfers,
    count_values,
    feed_url,
)
from tests.rig.vendor import Vendor
from tests.rig.vendor_http import Behaviour, Drip, Status

from .conftest import FIRMWARE_TWO, TWO


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("https://locks.example", "https://locks.example/"),
        ("https://locks.example/feed", "https://locks.example/feed/"),
        ("https://locks.example:8443/feed/", "https://locks.example:8443/feed/"),
        ("https://[2001:db8::1]/feed", "https://[2001:db8::1]/feed/"),
        ("https://locks.example/a%2Fb", "https://locks.example/a%2Fb/"),
    ],
)
def test_a_feed_is_at_an_https_url(text: str, base: str) -> None:
    """The base ends with a slash, and the rest is as the owner gave it."""
    assert str(feed_url(text)) == base


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("http://locks.example/", FeedProblem.URL_NOT_HTTPS),
        ("http://127.0.0.1/", FeedProblem.URL_NOT_HTTPS),
        ("ftp://locks.example/", FeedProblem.URL_NOT_HTTPS),
        ("file:///etc/passwd", FeedProblem.URL_INVALID),
        ("locks.example", FeedProblem.URL_INVALID),
        ("", FeedProblem.URL_INVALID),
        ("https://", FeedProblem.URL_INVALID),
        ("https://locks.example:99999/", FeedProblem.URL_INVALID),
        ("https://[::1/", FeedProblem.URL_INVALID),
        ("https://me:secret@locks.example/", FeedProblem.URL_INVALID),
        ("https://me@locks.example/", FeedProblem.URL_INVALID),
        ("https://:secret@locks.example/", FeedProblem.URL_INVALID),
        ("https://locks.example/?token=secret", FeedProblem.URL_INVALID),
        ("https://locks.example/#secret", FeedProblem.URL_INVALID),
    ],
)
def test_any_other_url_is_refused(text: str, reason: FeedProblem) -> None:
    """And a secret in it is not repeated."""
    with pytest.raises(FeedError) as caught:
        feed_url(text)
    assert caught.value.reason is reason
    not_https = reason is FeedProblem.URL_NOT_HTTPS
    assert caught.value.details == ({"host": URL(text).host} if not_https else {})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["http://127.0.0.1:8000/", "http://[::1]:8000/"])
def test_with_the_switch_this_machine_may_be_asked_over_http(text: str) -> None:
    """For tests, and for nothing else."""
    assert str(feed_url(text, allow_loopback_http=True)) == text


@pytest.mark.parametrize(
    "text",
    ["http://localhost/", "http://192.168.1.2/", "http://locks.example/"],
)
def test_even_with_the_switch_no_other_host_is_asked_over_http(text: str) -> None:
    """A name is not enough: who knows where it leads."""
    with pytest.raises(FeedError) as caught:
        feed_url(text, allow_loopback_http=True)
    assert caught.value.reason is FeedProblem.URL_NOT_HTTPS
    assert caught.value.details == {"host": URL(text).host}


@pytest.mark.parametrize(
    ("received", "seconds"),
    [(0, 10), (1, 10), (1000, 10), (5000, 50), (20_000, 200), (50_000, 240)],
)
async def test_bytes_buy_time_at_the_least_speed(
    session: aiohttp.ClientSession, received: int, seconds: float
) -> None:
    """After the grace, and up to the limit of a file or of all files."""
    limits = Limits(total=1000, file=240, grace=10, rate=100)
    transfers = Transfers(session, "127.0.0.1", limits)
    now = asyncio.get_running_loop().time()
    assert transfers._next_deadline(now, received) == pytest.approx(now + seconds)
    # Near the end of all, a transfer has what is left.
    late = now + 995
    end = transfers._next_deadline(late, received)
    assert end == pytest.approx(now + 1000, abs=0.5)


def downloading(transfers: Transfers, url: str) -> Callable[[], FeedError | None]:
    """Start a download in a thread; return how to wait for its error."""
    errors: list[BaseException | None] = []

    def download() -> None:
        try:
            transfers.download_bytes(url, 100_000)
        except DownloadError as err:
            errors.append(err.__cause__)

    thread = threading.Thread(target=download)
    thread.start()

    def wait() -> FeedError | None:
        thread.join(10)
        assert not thread.is_alive()
        error = errors[0] if errors else None
        assert error is None or isinstance(error, FeedError)
        return error

    return wait


async def received(transfers: Transfers, url: str, limit: int = 100_000) -> bytes:
    """Return a file as tuf gets it, or raise what it is told."""
    return await asyncio.to_thread(transfers.download_bytes, url, limit)


async def refusal(transfers: Transfers, url: str) -> FeedError:
    """Return why a file does not come."""
    with pytest.raises(DownloadError) as caught:
        await received(transfers, url)
    assert isinstance(caught.value.__cause__, FeedError)
    return caught.value.__cause__


FILES = ("timestamp.json", "4.snapshot.json")


@pytest.mark.parametrize("of", ["metadata", "values"])
@pytest.mark.parametrize("spare", [0, -1])
async def test_all_metadata_together_have_a_limit(
    vendor: Vendor, session: aiohttp.ClientSession, of: str, spare: int
) -> None:
    """Of bytes and of values; what is more is not given to anybody to be read."""
    files = vendor.keep().files
    measure = {"metadata": len, "values": count_values}[of]
    limit = sum(measure(files[f"metadata/{name}"]) for name in FILES) + spare
    limits = Limits(metadata=limit) if of == "metadata" else Limits(values=limit)
    transfers = Transfers(session, "127.0.0.1", limits)
    first, second = (f"{vendor.url}metadata/{name}" for name in FILES)
    assert await received(transfers, first) == files[f"metadata/{FILES[0]}"]
    if not spare:
        assert await received(transfers, second) == files[f"metadata/{FILES[1]}"]
        return
    error = await refusal(transfers, second)
    assert error.reason is FeedProblem.TOO_MUCH
    megabytes = limits.metadata // 2**20
    assert error.details == {
        "host": "127.0.0.1",
        "file": FILES[1],
        "limit": str(megabytes),
    }
    assert set(transfers.received) == {FILES[0]}


async def test_an_artifact_is_no_metadata(
    vendor: Vendor, session: aiohttp.ClientSession
) -> None:
    """It may be longer than all of them, and is held only by whoever asks for it."""
    transfers = Transfers(session, "127.0.0.1", Limits(metadata=10, values=0))
    transfers.expect_artifact(len(FIRMWARE_TWO))
    url = f"{vendor.url}{vendor.artifact_path(TWO)}"
    assert await received(transfers, url) == FIRMWARE_TWO
    assert transfers.received == {}


def test_values_are_counted_in_one_go() -> None:
    """Also of what is made to be looked at again and again."""
    assert count_values(b'{"a": [1, 2, "x,[{"], "b": "\\",[" , "c": {}}') == 7
    assert count_values(b'"' + b'\\"' * 1_000_000) == 0
    assert count_values(b'"' + b'\\"' * 1_000_000 + b"\\") == 0
    assert count_values(b'"[,' * 1_000_001) == 1_000_000


@pytest.mark.parametrize(
    ("status", "redirects"), [(299, False), (300, True), (399, True), (400, False)]
)
async def test_no_redirect_of_any_kind_is_followed(
    *,
    vendor: Vendor,
    session: aiohttp.ClientSession,
    status: int,
    redirects: bool,
) -> None:
    """And every other status is told to tuf."""
    vendor.misbehave("*", Status(status))
    transfers = Transfers(session, "127.0.0.1", Limits())
    url = f"{vendor.url}metadata/timestamp.json"
    if redirects:
        assert (await refusal(transfers, url)).reason is FeedProblem.REDIRECTED
        return
    with pytest.raises(DownloadHTTPError) as caught:
        await received(transfers, url)
    assert caught.value.status_code == status


async def test_a_file_that_goes_on_behind_its_end_is_noticed(
    vendor: Vendor, session: aiohttp.ClientSession
) -> None:
    """Also where the first bytes that come are just as many as there may be."""
    vendor.misbehave("*", Drip(10, 0.05))
    transfers = Transfers(session, "127.0.0.1", Limits())
    with pytest.raises(DownloadLengthMismatchError):
        await received(transfers, f"{vendor.url}metadata/timestamp.json", 10)


async def test_how_long_is_waited_is_for_the_feed_to_say(vendor: Vendor) -> None:
    """The session of the household has a time of its own, for others."""
    vendor.misbehave("*", Drip(200, 0.1))
    hasty = aiohttp.ClientTimeout(total=0.05)
    async with aiohttp.ClientSession(timeout=hasty) as session:
        transfers = Transfers(session, "127.0.0.1", Limits())
        url = f"{vendor.url}metadata/timestamp.json"
        body = await received(transfers, url)
    assert body == vendor.keep().files["metadata/timestamp.json"]


class Named(Behaviour):
    """Answers with the name by which it was asked."""

    @override
    async def answer(
        self, request: web.Request, body: bytes | None
    ) -> web.StreamResponse:
        return web.Response(body=request.raw_path.encode())


async def test_a_file_is_asked_for_by_the_name_that_tuf_gives_it(
    vendor: Vendor, session: aiohttp.ClientSession
) -> None:
    """Written otherwise it would be another file to some servers."""
    vendor.misbehave("*", Named())
    transfers = Transfers(session, "127.0.0.1", Limits())
    name = "metadata/line%2Ftwo%21.json"
    assert await received(transfers, f"{vendor.url}{name}") == f"/{name}".encode()


async def test_after_a_stop_nothing_is_transferred(
    vendor: Vendor, session: aiohttp.ClientSession
) -> None:
    """Else a cancelled check would go on with the next file."""
    transfers = Transfers(session, "127.0.0.1", Limits())
    transfers.stop()
    error = downloading(transfers, f"{vendor.url}metadata/timestamp.json")()
    assert error is not None
    assert error.reason is FeedProblem.UNREACHABLE
    assert error.details == {"host": "127.0.0.1", "file": "timestamp.json"}
    assert vendor.requests == []


async def test_a_thread_does_not_wait_for_an_event_loop_that_has_stopped(
    vendor: Vendor, session: aiohttp.ClientSession
) -> None:
    """Home Assistant may be going down at this moment. A slow one it does wait for."""
    limits = Limits(total=0.05, answer=0.1)
    began = time.monotonic()
    transfers = Transfers(session, "127.0.0.1", limits)
    # Waiting here, the event loop does nothing else.
    error = downloading(transfers, f"{vendor.url}metadata/timestamp.json")()
    assert error is not None
    assert error.reason is FeedProblem.TOO_SLOW
    assert error.details == {"host": "127.0.0.1", "file": "timestamp.json"}
    assert time.monotonic() - began >= limits.total + limits.answer
