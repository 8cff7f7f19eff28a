"""Each state, in both themes, on a desk and on a phone."""

from typing import Any

from playwright.sync_api import Browser
import pytest

from .stage import DESK, PHONE, shown, snapshot

SAID = ("evening", "night", "quiet", "no_hours", "empty", "hostile")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("element", ["nightlatch-panel", "nightlatch-card"])
@pytest.mark.parametrize("said", SAID)
def test_nothing_stands_in_anybodys_way(
    browser: Browser, said: str, element: str, size: tuple[int, int], dark: bool
) -> None:
    """No sideways scrolling, and nothing that a screen reader or an eye stumbles over."""
    with shown(browser, element, snapshot(said), size=size, dark=dark) as stage:
        stage.page.get_by_role("heading").first.wait_for()
        for each in stage.page.locator("details").all():
            each.evaluate("each => { each.open = true }")
        theme = "dark" if dark else "light"
        stage.picture(f"{element.removeprefix('nightlatch-')}-{said}-{size[0]}-{theme}")
        assert stage.too_wide() == []
        assert stage.barriers() == []
