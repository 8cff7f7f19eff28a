"""The card's configuration, and its visual editor."""

from typing import Any

from playwright.sync_api import Browser, expect
import pytest

from .stage import shown, snapshot

GARDEN = "update.garden_door_firmware"


def test_the_card_is_among_those_that_can_be_added(browser: Browser) -> None:
    """With what Home Assistant asks a card."""
    with shown(browser, "nightlatch-card", snapshot("evening")) as stage:
        (offered,) = stage.script("window.customCards")
        assert offered["type"] == "nightlatch-card"
        card = "customElements.get('nightlatch-card')"
        assert stage.script(f"{card}.getStubConfig()") == {}
        tag = stage.script(f"{card}.getConfigElement().localName")
        assert tag == "nightlatch-card-editor"
        expect(stage.page.get_by_role("heading", name="Shed")).to_be_visible()
        assert stage.script("stage.shown.getCardSize()") == 13
        assert stage.script("stage.shown.getGridOptions()")["columns"] == 12


def test_it_is_suggested_for_the_locks_it_knows(browser: Browser) -> None:
    """By their update, and by the lock on whose device that stands; for nothing else."""
    entities = {
        GARDEN: {"platform": "nightlatch", "device_id": "garden"},
        "lock.garden_door": {"platform": "mqtt", "device_id": "garden"},
        "sensor.garden_battery": {"platform": "mqtt", "device_id": "garden"},
        "sensor.garden_next_step": {"platform": "nightlatch", "device_id": "garden"},
        "lock.shed": {"platform": "mqtt", "device_id": "shed"},
        "lock.demo": {"platform": "demo"},
        "update.hub": {"platform": "mqtt", "device_id": "garden"},
        "update.typed": {"platform": "nightlatch"},
    }
    with shown(browser, "nightlatch-card", snapshot("evening")) as stage:

        def suggested(entity_id: str) -> Any:
            ask = "customCards[0].getEntitySuggestion({entities: value[0]}, value[1])"
            found = stage.script(ask, [entities, entity_id])
            return found and found["config"]

        card = {
            "type": "custom:nightlatch-card",
            "show": ["hours", "locks", "history"],
        }
        for entity_id in (GARDEN, "lock.garden_door"):
            assert suggested(entity_id) == card | {"locks": [GARDEN]}
        assert suggested("update.typed") == card | {"locks": ["update.typed"]}
        for entity_id in (
            *set(entities) - {GARDEN, "lock.garden_door", "update.typed"},
        ):
            assert suggested(entity_id) is None
        assert suggested("lock.nowhere") is None


def test_a_card_shows_what_it_was_told_to(browser: Browser) -> None:
    """Which locks, under which title, and which parts."""
    config = {"title": "At night", "locks": [GARDEN, "lock1"], "show": ["locks"]}
    with shown(browser, "nightlatch-card", snapshot("evening"), config=config) as stage:
        headings = stage.page.get_by_role("heading")
        expect(headings).to_have_text(["At night", "Front door", "Garden door"])
        for part in ("nightlatch-night-bar", ".history", ".household"):
            assert stage.page.locator(part).count() == 0
        # Nor what is said of all locks.
        expect(stage.page.get_by_text("2 waits")).to_have_count(0)


def test_a_lock_that_is_not_there_is_named(browser: Browser) -> None:
    """Rather than left out in silence."""
    config = {"locks": [GARDEN, "update.gone"]}
    with shown(browser, "nightlatch-card", snapshot("evening"), config=config) as stage:
        expect(stage.element).to_contain_text("There is no lock update.gone.")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ([], "must be a mapping"),
        ({"titel": "x"}, 'Unknown option "titel"'),
        ({"title": 4}, '"title" must be a text'),
        ({"locks": GARDEN}, '"locks" must be a list'),
        ({"locks": []}, '"locks" must be a list'),
        ({"locks": [4]}, '"locks" must be a list'),
        ({"show": ["bar"]}, '"show" does not know "bar"'),
    ],
)
def test_a_bad_configuration_is_refused_in_a_sentence(
    browser: Browser, config: Any, said: str
) -> None:
    """Home Assistant shows it in the card's place."""
    with shown(browser, "nightlatch-card", snapshot("quiet")) as stage:
        told = stage.page.evaluate(
            """config => {
              try { stage.shown.setConfig(config); } catch (err) { return err.message; }
              return "";
            }""",
            config,
        )
        assert said in told


def test_the_editor_says_only_what_differs(browser: Browser) -> None:
    """All locks and all parts are what a card shows by itself."""
    with shown(browser, "nightlatch-card-editor", snapshot("evening")) as stage:
        stage.page.get_by_label("Title").fill("At night")
        stage.page.get_by_role("checkbox", name="Front door").uncheck()
        stage.page.get_by_role("checkbox", name="Household").uncheck()
        stage.picture("editor")
        assert stage.barriers() == []
        kind, detail = stage.told[-1]
        assert kind == "config-changed"
        assert detail["config"] == {
            "type": "custom:nightlatch-card",
            "title": "At night",
            "locks": [
                GARDEN,
                "update.side_door_firmware",
                "update.cellar_firmware",
                "update.shed_firmware",
            ],
            "show": ["hours", "locks", "history"],
        }
        stage.page.get_by_role("checkbox", name="Front door").check()
        stage.page.get_by_role("checkbox", name="Household").check()
        stage.page.get_by_label("Title").fill("")
        assert stage.told[-1][1]["config"] == {"type": "custom:nightlatch-card"}


def test_the_last_part_cannot_be_taken_away(browser: Browser) -> None:
    """Without any of them there is no card: all are shown, and ticked, again."""
    config = {"show": ["locks"]}
    with shown(
        browser, "nightlatch-card-editor", snapshot("evening"), config=config
    ) as stage:
        boxes = stage.page.locator("fieldset").last.get_by_role("checkbox")
        expect(boxes).to_have_count(4)
        # Not with ``uncheck``, which wants to see it unticked.
        stage.page.get_by_role("checkbox", name="Locks").click()
        for box in boxes.all():
            expect(box).to_be_checked()
        assert stage.told[-1][1]["config"] == {"type": "custom:nightlatch-card"}
