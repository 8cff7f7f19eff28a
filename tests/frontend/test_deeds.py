"""What a person can do, by mouse and by keyboard, and what comes of it."""

import re
from typing import Any

from playwright.sync_api import Browser, expect
import pytest

from .stage import Stage, shown, snapshot

FRONT, GARDEN, SIDE = "Front door", "Garden door", "Side door"


def press(stage: Stage, lock: str, button: str) -> None:
    """Press a button of a lock."""
    stage.lock(lock).get_by_role("button", name=button, exact=True).click()


def asked_for(stage: Stage) -> tuple[str, dict[str, Any], str]:
    """Return the one action that was asked for: its name, data and entity."""
    (call,) = stage.calls
    # The refusal is shown at the lock, not in a corner of the page.
    assert call["notifyOnError"] is False
    entity_id = call["target"]["entity_id"]
    return f"{call['domain']}.{call['action']}", call["data"], entity_id


@pytest.mark.parametrize(
    ("lock", "button", "action"),
    [
        (FRONT, "Tomorrow", "nightlatch.postpone"),
        (FRONT, "Skip", "update.skip"),
        (SIDE, "Cancel", "nightlatch.cancel"),
    ],
)
def test_what_harms_nobody_is_done_at_once(
    browser: Browser, lock: str, button: str, action: str
) -> None:
    """Without a question."""
    with shown(browser, said=snapshot("evening")) as stage:
        press(stage, lock, button)
        entity = f"update.{lock.lower().replace(' ', '_')}_firmware"
        assert asked_for(stage) == (action, {}, entity)


def test_only_what_somebody_may_do_is_offered(browser: Browser) -> None:
    """As the server says."""
    with shown(browser, said=snapshot("evening")) as stage:
        for lock, offered in (
            (FRONT, ["Now", "Tomorrow", "Skip", "Go back"]),
            (GARDEN, ["Now", "Approve", "Tomorrow", "Skip"]),
            (SIDE, ["Tomorrow", "Skip", "Cancel"]),
            ("Cellar", []),
        ):
            buttons = stage.lock(lock).locator(".deeds button")
            expect(buttons).to_have_text(offered)


def test_now_asks_first_and_says_what_it_means(browser: Browser) -> None:
    """Version, minutes, another way in, and the way back."""
    with shown(browser, said=snapshot("evening")) as stage:
        press(stage, FRONT, "Now")
        question = stage.page.get_by_role("dialog")
        expect(question).to_contain_text("Install 1.2.0 on Front door now?")
        for meaning in ("about 9 minutes", "another way in", "kept in the vault"):
            expect(question).to_contain_text(meaning)
        assert stage.calls == []
        stage.picture("ask-install")
        assert stage.barriers() == []
        question.get_by_role("button", name="Install now").click()
        expect(question).to_be_hidden()
        assert asked_for(stage) == ("update.install", {}, "update.front_door_firmware")


def test_what_is_not_as_it_was_asked_is_asked_again(browser: Browser) -> None:
    """A question may stand open for an hour, and its action names no version."""
    with shown(browser, said=snapshot("evening")) as stage:
        press(stage, FRONT, "Now")
        question = stage.page.get_by_role("dialog")
        expect(question).to_contain_text("Install 1.2.0 on Front door now?")
        said = snapshot("evening")
        said["locks"][0]["offered"] = "6.6.6"
        stage.push(said)
        question.get_by_role("button", name="Install now").click()
        expect(question).to_contain_text("Install 6.6.6 on Front door now?")
        assert stage.calls == []
        question.get_by_role("button", name="Install now").click()
        expect(question).to_be_hidden()
        assert asked_for(stage) == ("update.install", {}, "update.front_door_firmware")


def test_by_keyboard_alone_nothing_is_out_of_reach(browser: Browser) -> None:
    """The focus is seen, stays in the question, and comes back; Esc does nothing."""
    with shown(browser, said=snapshot("evening")) as stage:
        stage.lock(FRONT).get_by_role("button", name=FRONT).focus()
        keyboard = stage.page.keyboard
        keyboard.press("Tab")
        assert stage.focused() == "Now"
        button = stage.lock(FRONT).get_by_role("button", name="Now", exact=True)
        outline = button.evaluate("each => getComputedStyle(each).outlineStyle")
        assert outline == "solid"
        keyboard.press("Enter")
        question = stage.page.get_by_role("dialog")
        expect(question).to_be_visible()
        seen = set()
        for _ in range(6):
            keyboard.press("Tab")
            seen.add(stage.focused())
        assert {"Not now", "Install now"} <= seen
        assert not {"Tomorrow", "Skip", "Now"} & seen
        keyboard.press("Escape")
        expect(question).to_be_hidden()
        assert stage.focused() == "Now"
        assert stage.calls == []
        keyboard.press("Tab")
        keyboard.press("Space")
        assert asked_for(stage)[0] == "nightlatch.postpone"


def test_an_approval_takes_the_code_and_the_version_that_was_shown(
    browser: Browser,
) -> None:
    """Whatever is on offer by the time the code is typed."""
    with shown(browser, said=snapshot("evening")) as stage:
        press(stage, GARDEN, "Approve")
        question = stage.page.get_by_role("dialog")
        code = question.get_by_label("One-time code")
        expect(code).to_be_focused()
        question.get_by_role("button", name="Approve").click()
        expect(question).to_be_visible()
        assert stage.calls == []
        said = snapshot("evening")
        said["locks"][1]["offered"] = "6.6.6"
        stage.push(said)
        code.fill("123456")
        stage.picture("ask-approve")
        stage.page.keyboard.press("Enter")
        expect(question).to_be_hidden()
        assert asked_for(stage) == (
            "nightlatch.approve",
            {"version": "1.1.0", "code": "123456"},
            "update.garden_door_firmware",
        )
        press(stage, GARDEN, "Approve")
        expect(question.get_by_label("One-time code")).to_have_value("")


def test_an_approval_without_a_code_is_given_at_once(browser: Browser) -> None:
    """Where the lock wants none."""
    said = snapshot("evening")
    said["locks"][1]["may"]["approve_needs_code"] = False
    with shown(browser, said=said) as stage:
        press(stage, GARDEN, "Approve")
        assert asked_for(stage)[:2] == ("nightlatch.approve", {"version": "1.1.0"})


def test_going_back_asks_for_a_code_and_says_what_it_means(browser: Browser) -> None:
    """It always takes one."""
    with shown(browser, said=snapshot("evening")) as stage:
        press(stage, FRONT, "Go back")
        question = stage.page.get_by_role("dialog")
        expect(question).to_contain_text("1.1.0 is skipped afterwards")
        question.get_by_label("One-time code").fill("654321")
        question.get_by_role("button", name="Go back").click()
        expect(question).to_be_hidden()
        action, data, _ = asked_for(stage)
        assert (action, data) == ("nightlatch.rollback", {"code": "654321"})


def test_a_refusal_is_shown_at_its_lock(browser: Browser) -> None:
    """In one's own language, until it is closed."""
    with shown(browser, said=snapshot("evening")) as stage:
        stage.script(
            "stage.answer = value",
            {
                "code": "service_validation_error",
                "message": "raw",
                "translation_domain": "nightlatch",
                "translation_key": "cannot_cancel_any_more",
                "translation_placeholders": {},
            },
        )
        stage.script(
            "stage.texts.component.nightlatch.exceptions.cannot_cancel_any_more ="
            " {message: 'It is too late to cancel that.'}"
        )
        press(stage, SIDE, "Cancel")
        alert = stage.lock(SIDE).get_by_role("alert")
        expect(alert).to_contain_text("It is too late to cancel that.")
        expect(stage.lock(FRONT).get_by_role("alert")).to_have_text("")
        alert.get_by_role("button", name="Close this message").click()
        expect(alert).to_have_text("")
        # Who was there stays at this lock.
        assert stage.focused() in {"Tomorrow", SIDE}


def test_a_sentence_that_is_not_translated_is_shown_as_it_came(
    browser: Browser,
) -> None:
    """Better than nothing."""
    with shown(browser, said=snapshot("evening")) as stage:
        stage.script("stage.answer = {message: 'Unauthorized'}")
        press(stage, SIDE, "Skip")
        expect(stage.lock(SIDE).get_by_role("alert")).to_have_text("Unauthorized")


def test_a_lost_connection_has_refused_nothing(browser: Browser) -> None:
    """An installation is answered at its end only."""
    with shown(browser, said=snapshot("evening")) as stage:
        stage.script("stage.answer = {code: 3, message: 'Connection lost'}")
        press(stage, SIDE, "Cancel")
        button = stage.lock(SIDE).get_by_role("button", name="Cancel", exact=True)
        expect(button).not_to_have_attribute("aria-busy", "true")
        expect(stage.lock(SIDE).get_by_role("alert")).to_have_text("")


def test_nobody_asks_twice_for_what_is_not_answered_yet(browser: Browser) -> None:
    """And something else can be asked for meanwhile."""
    with shown(browser, said=snapshot("evening")) as stage:
        stage.script("stage.answer = 'never'")
        press(stage, SIDE, "Tomorrow")
        again = stage.lock(SIDE).get_by_role("button", name="Tomorrow")
        expect(again).to_have_attribute("aria-disabled", "true")
        again.click(force=True)
        press(stage, SIDE, "Cancel")
        assert [call["action"] for call in stage.calls] == ["postpone", "cancel"]


def test_a_name_opens_more_info_and_a_link_leads_to_the_device(
    browser: Browser,
) -> None:
    """By what Home Assistant's frontend listens to."""
    with shown(browser, said=snapshot("evening")) as stage:
        stage.lock(FRONT).get_by_role("button", name=FRONT).click()
        assert stage.told == [
            ["hass-more-info", {"entityId": "update.front_door_firmware"}]
        ]
        stage.lock(FRONT).get_by_text("More about it").click()
        link = stage.lock(FRONT).get_by_role("link", name=re.compile("device"))
        expect(link).to_have_attribute("href", "/config/devices/device/device1")


def test_who_cannot_open_the_settings_is_not_led_there(browser: Browser) -> None:
    """They are for administrators."""
    for said in ("evening", "empty"):
        with shown(browser, said=snapshot(said), admin=False) as stage:
            stage.page.get_by_role("heading").nth(1).wait_for()
            assert stage.page.locator("a").count() == 0


def test_the_report_opens_beside_the_panel_with_rights_of_its_own(
    browser: Browser,
) -> None:
    """A page that is opened has no token; the link that Home Assistant signs has."""
    with shown(browser, said=snapshot("evening")) as stage:
        part = stage.page.get_by_role("region", name="The household")
        expect(part).to_contain_text("One of four locks needs something.")
        stage.page.context.route(
            "**/api/**", lambda route: route.fulfill(content_type="text/html")
        )
        with stage.page.context.expect_page() as opened:
            part.get_by_role("button", name="Open the report").click()
        assert opened.value.url.endswith("/api/nightlatch/report?authSig=signed")
    with shown(browser, said=snapshot("quiet"), admin=False) as stage:
        stage.page.get_by_role("heading", name="Cellar").wait_for()
        assert stage.page.get_by_text("Open the report").count() == 0
