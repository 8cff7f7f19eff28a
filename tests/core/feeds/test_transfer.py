"""Where a feed may be."""

import pytest

from custom_components.nightlatch.core.errors import FeedError, FeedProblem
from custom_components.nightlatch.core.feeds.transfer import feed_url


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
