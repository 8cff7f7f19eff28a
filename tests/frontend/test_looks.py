"""Each state, in both themes, on a desk and on a phone."""

from datetime import datetime, timedelta
from itertools import pairwise

from playwright.sync_api import Browser
import pytest

from .stage import DESK, PHONE, shown, snapshot

SAID = ("evening", "night", "quiet", "no_hours", "empty", "hostile")


@pytest.mark.parametrize("element", ["nightlatch-panel", "nightlatch-card"])
@pytest.mark.parametrize("said", SAID)
def test_nothing_stands_in_anybodys_way(
    browser: Browser, said: str, element: str
) -> None:
    """No sideways scrolling, and nothing that a screen reader or an eye stumbles over."""
    with shown(browser, element, snapshot(said)) as stage:
        stage.page.get_by_role("heading").first.wait_for()
        for theme in ("light", "dark"):
            stage.use_theme(theme)
            for wide, high in (DESK, PHONE):
                stage.page.set_viewport_size({"width": wide, "height": high})
                where = f"{element}-{said}-{wide}-{theme}"
                stage.picture(where.removeprefix("nightlatch-"))
                assert stage.too_wide() == [], where
            for each in stage.page.locator("details").all():
                each.evaluate("each => { each.open = true }")
            assert stage.too_wide() == [], theme
            assert stage.barriers() == [], theme


@pytest.mark.parametrize("said", ["quiet", "no_hours"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_no_line_crosses_that_nothing_is_planned(
    browser: Browser, size: tuple[int, int], said: str
) -> None:
    """The sentence stands under the hours, and the hours are there to be seen."""
    with shown(browser, said=snapshot(said), size=size) as stage:
        sentence = stage.page.get_by_text("Nothing is planned in these hours.")
        sentence.wait_for()
        below = sentence.bounding_box()
        hours = stage.page.locator("nightlatch-night-bar .backdrop").bounding_box()
        assert hours is not None
        assert below is not None
        assert hours["height"] >= 28
        assert hours["width"] >= 200
        assert hours["y"] + hours["height"] <= below["y"]


@pytest.mark.parametrize("language", ["en", "pl"])
@pytest.mark.parametrize("width", [280, 390, 560, 800, 1200])
def test_no_hour_stands_on_another(browser: Browser, width: int, language: str) -> None:
    """The card may be as narrow as it is where cards are picked."""
    locale = {"time_format": "language", "language": language}
    said = snapshot("quiet")
    begins = datetime.fromisoformat(said["quiet_hours"]["starts_at"])
    with shown(
        browser, "nightlatch-card", said, size=(width, 900), locale=locale
    ) as stage:
        hours = stage.page.locator("nightlatch-night-bar .axis span")
        for minutes in (-600, -170, *range(-40, 300, 20), 400):
            said["now"] = (begins + timedelta(minutes=minutes)).isoformat()
            stage.push(said)
            stage.page.wait_for_function("() => new Promise(requestAnimationFrame)")
            boxes = [box for each in hours.all() if (box := each.bounding_box())]
            assert boxes
            boxes.sort(key=lambda box: box["x"])
            for one, other in pairwise(boxes):
                assert one["x"] + one["width"] <= other["x"], minutes


def test_what_comes_from_outside_is_only_text(browser: Browser) -> None:
    """Names, versions and sentences are nobody's markup, and lead nowhere else."""
    with shown(browser, said=snapshot("hostile")) as stage:
        stage.page.get_by_text("<script>").first.wait_for()
        assert stage.page.evaluate("window.owned") is None
        assert stage.page.locator("img, nightlatch-lock script, b").count() == 0
        for link in stage.page.locator("a").all():
            address = link.get_attribute("href") or ""
            assert address.startswith("/config/devices/device/")
            assert address.count("/") == 4


def test_a_barrier_and_what_is_too_wide_would_be_found(browser: Browser) -> None:
    """The judges see into shadows."""
    with shown(browser, said=snapshot("quiet"), size=PHONE) as stage:
        stage.page.get_by_role("heading", name="Cellar").wait_for()
        stage.lock("Cellar").evaluate(
            """each => {
              const style = new CSSStyleSheet();
              style.replaceSync(".summary {color: #ddd; width: 500px}");
              each.shadowRoot.adoptedStyleSheets = [
                ...each.shadowRoot.adoptedStyleSheets, style];
            }"""
        )
        assert any("color-contrast" in each for each in stage.barriers())
        assert "P.summary" in stage.too_wide()
