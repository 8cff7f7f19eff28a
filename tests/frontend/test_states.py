"""What is shown while something happens, and where there is nothing to show."""

import re

from playwright.sync_api import Browser, expect
import pytest

from .stage import Stage, shown, snapshot


def settled(stage: Stage) -> None:
    """Let what was changed be drawn."""
    stage.page.evaluate("() => new Promise(done => requestAnimationFrame(done))")


def test_before_the_first_word_it_says_that_it_loads(browser: Browser) -> None:
    """And then shows what came."""
    with shown(browser) as stage:
        expect(stage.page.get_by_role("status")).to_have_text("Loading")
        assert stage.barriers() == []
        stage.push(snapshot("quiet"))
        expect(stage.page.get_by_role("heading", name="Tonight")).to_be_visible()


def test_without_locks_it_leads_to_where_one_is_added(browser: Browser) -> None:
    """An empty page would say nothing."""
    with shown(browser, said=snapshot("empty")) as stage:
        link = stage.page.get_by_role("link", name="Add a lock")
        address = "/config/integrations/integration/nightlatch"
        expect(link).to_have_attribute("href", address)


def test_it_says_that_nightlatch_is_not_loaded_and_goes_on_once_it_is(
    browser: Browser,
) -> None:
    """Nobody has to load the page anew."""
    refusal = {"code": "not_loaded", "message": "Nightlatch does not run."}
    with shown(browser, refusal=refusal, own_clock=True) as stage:
        expect(stage.page.get_by_role("status")).to_contain_text(
            "Nightlatch is not loaded"
        )
        expect(stage.page.get_by_role("status")).to_contain_text("does not run")
        assert stage.barriers() == []
        stage.script("Object.assign(stage, value)", {"refusal": None})
        stage.script("stage.snapshot = value", snapshot("quiet"))
        stage.page.clock.run_for(6_000)
        expect(stage.page.get_by_role("heading", name="Cellar")).to_be_visible()


def test_a_lost_connection_is_said_with_the_age_of_what_is_shown(
    browser: Browser,
) -> None:
    """And nothing can be pressed that would reach nobody."""
    with shown(browser, said=snapshot("evening"), own_clock=True) as stage:
        stage.page.get_by_role("heading", name="Front door").wait_for()
        stage.script("stage.lose()")
        banner = stage.page.get_by_role("status").filter(has_text="connection is lost")
        expect(banner).to_be_visible()
        stage.page.clock.run_for(5 * 60_000)
        expect(banner).to_contain_text(re.compile(r"5 minutes ago|6 minutes ago"))
        stage.picture("lost")
        skip = stage.lock("Front door").get_by_role("button", name="Skip")
        expect(skip).to_have_attribute("aria-disabled", "true")
        skip.click(force=True)
        assert stage.calls == []
        stage.script("stage.find()")
        expect(banner).to_be_hidden()
        skip.click()
        assert len(stage.calls) == 1


def test_a_reader_hears_each_phase_once_and_no_percent(browser: Browser) -> None:
    """And in the end how it stands."""
    said = snapshot("night")
    with shown(browser, said=said) as stage:
        front = stage.lock("Front door")
        status = front.get_by_role("status")
        expect(status).to_have_text("Front door: Sending the firmware")
        stage.script(
            """(window.heard = [], new MutationObserver(all => heard.push(all.length))
            .observe(value, {childList: true, characterData: true, subtree: true}))
            """.replace(
                "value,",
                "document.querySelector('nightlatch-panel').shadowRoot"
                ".querySelector('nightlatch-lock').shadowRoot"
                ".querySelector('[role=status]'),",
            )
        )
        bar = front.get_by_role("progressbar")
        for percent in (63, 64, 65):
            said["locks"][0]["progress"]["percent"] = percent
            stage.push(said)
            expect(bar).to_have_attribute("aria-valuenow", str(percent))
        expect(front).to_contain_text("65%")
        assert stage.page.evaluate("heard.length") == 0
        said["locks"][0]["progress"] |= {
            "phase": "confirming",
            "phase_text": "Sees whether the lock works",
            "percent": None,
        }
        stage.push(said)
        expect(status).to_have_text("Front door: Sees whether the lock works")
        expect(bar).not_to_have_attribute("aria-valuenow", "65")
        said["locks"][0] |= {"progress": None, "summary": "It runs the newest version."}
        stage.push(said)
        expect(status).to_have_text("Front door: It runs the newest version.")


def test_a_history_is_told_in_words_too(browser: Browser) -> None:
    """Newest last, with how each ended and when."""
    with shown(browser, said=snapshot("evening")) as stage:
        past = stage.lock("Front door").get_by_role("list", name="What was installed")
        told = [
            " ".join(each.split()) for each in past.locator("li").all_text_contents()
        ]
        assert len(told) == 3
        assert "1.0.0" in told[0]
        assert "installed" in told[0]
        assert "Jun 2, 2026" in told[0]
        assert "went back" in told[1]


def test_the_bar_tells_tones_by_more_than_colour(browser: Browser) -> None:
    """A sign and a word each."""
    with shown(browser, said=snapshot("evening")) as stage:
        lanes = stage.page.locator("nightlatch-night-bar .lane")
        expect(lanes).to_have_count(3)
        expect(lanes.locator(".unseen")).to_have_text(
            ["Planned", "Waits for your approval", "Something is in the way"]
        )
        signs = [
            path.get_attribute("d")
            for path in stage.page.locator("nightlatch-night-bar .block path").all()
        ]
        assert len(set(signs)) == 3


def test_what_is_beyond_the_night_is_named_with_its_day(browser: Browser) -> None:
    """And stands at the end of the bar."""
    with shown(browser, said=snapshot("hostile")) as stage:
        lane = stage.page.locator("nightlatch-night-bar .lane").last
        expect(lane).to_contain_text("Sat 02:10")
        expect(lane.locator(".block")).to_have_count(0)


@pytest.mark.parametrize(
    ("locale", "shown_as"),
    [
        ({"time_zone": "server", "time_format": "24"}, "02:10"),
        ({"time_zone": "server", "time_format": "12"}, "2:10 AM"),
        ({"time_zone": "local", "time_format": "24"}, "20:10"),
        ({"time_zone": "local", "time_format": "language"}, "8:10 PM"),
        # Alone as behind a day, which by itself is another matter here.
        ({"time_format": "language", "language": "de"}, "02:10"),
    ],
)
def test_times_are_those_of_the_zone_and_the_clock_that_were_chosen(
    browser: Browser, locale: dict[str, str], shown_as: str
) -> None:
    """The house is in Berlin, the browser in New York."""
    with shown(browser, said=snapshot("evening"), locale=locale) as stage:
        lane = stage.page.locator("nightlatch-night-bar .lane").first
        expect(lane).to_contain_text(shown_as)


def test_nothing_moves_for_who_wants_it_still(browser: Browser) -> None:
    """For others the sign of what is under way turns."""
    for still, moving in ((True, False), (False, True)):
        with shown(browser, said=snapshot("night"), still=still) as stage:
            stage.page.get_by_role("heading", name="Front door").wait_for()
            assert bool(stage.moving()) is moving


def test_another_language_is_asked_for_anew(browser: Browser) -> None:
    """The sentences come from the server."""
    with shown(browser, said=snapshot("quiet")) as stage:
        stage.page.get_by_role("heading", name="Cellar").wait_for()
        stage.script("stage.set({language: 'de'})")
        settled(stage)
        asked = stage.script("stage.connection.subscribed.map(({message}) => message)")
        assert asked == [{"type": "nightlatch/tonight", "language": "de"}]


def test_what_is_taken_from_the_page_listens_to_nothing_more(browser: Browser) -> None:
    """A dashboard makes and drops cards all the time."""
    with shown(browser, "nightlatch-card", snapshot("quiet")) as stage:
        stage.page.get_by_role("heading", name="Cellar").wait_for()
        stage.script("stage.shown.remove()")
        settled(stage)
        left = "[stage.connection.subscribed.length, stage.connection.listeners()]"
        assert stage.script(left) == [0, 0]
        stage.script("document.getElementById('stage').append(stage.shown)")
        expect(stage.page.get_by_role("heading", name="Cellar")).to_be_visible()
        assert stage.script(left) == [1, 2]


def test_on_a_narrow_page_the_menu_can_be_opened(browser: Browser) -> None:
    """The sidebar is hidden there."""
    with shown(browser, said=snapshot("quiet"), size=(390, 844)) as stage:
        stage.page.get_by_role("button", name="Menu").click()
        assert stage.told == [["hass-toggle-menu", None]]
