"""Where a feed may be, and how its transfers end when nobody wants them any more."""

import asyncio
from collections.abc import Callable
import threading

import aiohttp
import pytest
from tuf.api.exceptions import DownloadError

from custom_components.nightlatch.core.errors import FeedError, FeedProblem
from custom_components.nightlatch.core.feeds.transfer import Limits, Transfers, feed_url
from tests.rig.vendor import Vendor


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
        ("https://locks.example/?token=secret", FeedProblem.URL_INVALID),
        ("https://locks.example/#secret", FeedProblem.URL_INVALID),
    ],
)
def test_any_other_url_is_refused(text: str, reason: FeedProblem) -> None:
    """And a secret in it is not repeated."""
    with pytest.raises(FeedError) as caught:
        feed_url(text)
    assert caught.value.reason is reason
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


async def test_after_a_stop_nothing_is_transferred(
    vendor: Vendor, session: aiohttp.ClientSession
) -> None:
    """Else a cancelled check would go on with the next file."""
    transfers = Transfers(session, "127.0.0.1", Limits())
    transfers.stop()
    error = downloading(transfers, f"{vendor.url}metadata/timestamp.json")()
    assert error is not None
    assert error.reason is FeedProblem.UNREACHABLE
    assert vendor.requests == []


async def test_a_thread_does_not_wait_for_an_event_loop_that_has_stopped(
    vendor: Vendor, session: aiohttp.ClientSession
) -> None:
    """Home Assistant may be going down at this moment."""
    limits = Limits(total=0.05, answer=0.05)
    transfers = Transfers(session, "127.0.0.1", limits)
    # Waiting here, the event loop does nothing else.
    error = downloading(transfers, f"{vendor.url}metadata/timestamp.json")()
    assert error is not None
    assert error.reason is FeedProblem.TOO_SLOW
