"""Yes, no and back, in the forms where a person stands: through Home Assistant's own API."""

from typing import Any

import pytest

from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.core.model import Purpose, Source
from custom_components.nightlatch.core.schedule.plan import Waiting
from custom_components.nightlatch.core.schedule.policy import ApprovalNeed
from custom_components.nightlatch.locks.lock import Progress
from homeassistant.auth.models import User
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from tests.rig.bootloader import Opcode
from tests.rig.lock import Mode
from tests.rig.scene import MODELS, make_release, publish
from tests.rig.vendor import Vendor

from .asked import a_turn, install, plan_of
from .flows import add_feed, until
from .house import FRONT_DOOR, House
from .night import Night
from .test_actions import Authenticator, add_user, with_authenticator
from .test_rollback import WORDS, update
from .test_stages import HALTED

CLIENT_ID = "https://home.example/"
FLOWS = "/api/config/config_entries/subentries/flow"
FIXES = "/api/repairs/issues/fix"


class Browser:
    """Forms as the browser of a person has them."""

    def __init__(self, client: Any, token: str) -> None:
        """Take a session."""
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"}

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Send a form, and return what comes next."""
        response = await self._client.post(path, json=body, headers=self._headers)
        assert response.status == 200, await response.text()
        answer: dict[str, Any] = await response.json()
        return answer

    async def reconfigure(self, house: House, step: str) -> dict[str, Any]:
        """Open the menu of the front door, and choose something in it."""
        menu = await self.post(
            FLOWS,
            handler=[house.entry.entry_id, "lock"],
            subentry_id=house.managed().subentry_id,
        )
        assert step in menu["menu_options"], menu
        return await self.post(f"{FLOWS}/{menu['flow_id']}", next_step_id=step)

    async def submit(self, form: dict[str, Any], **filled: Any) -> dict[str, Any]:
        """Send what is filled in."""
        path = FIXES if form["handler"] == DOMAIN else FLOWS
        return await self.post(f"{path}/{form['flow_id']}", **filled)

    async def fix(self, key: str, hass: HomeAssistant) -> dict[str, Any]:
        """Open a repair."""
        (issue,) = (
            each
            for each in ir.async_get(hass).issues.values()
            if each.domain == DOMAIN and each.translation_key == key
        )
        return await self.post(FIXES, handler=DOMAIN, issue_id=issue.issue_id)


@pytest.fixture
async def owner(house: House) -> User:
    """Let somebody live here who may do everything."""
    return await add_user(house, is_owner=True)


@pytest.fixture
async def app(house: House, owner: User) -> Authenticator:
    """Give the owner an authenticator app."""
    return await with_authenticator(house, owner)


@pytest.fixture
async def browser(house: House, owner: User, hass_client_no_auth: Any) -> Browser:
    """Let the owner sit before a browser."""
    hass = house.hass
    for component in ("config", "repairs"):
        assert await async_setup_component(hass, component, {})
    refresh = await hass.auth.async_create_refresh_token(owner, CLIENT_ID)
    client = await hass_client_no_auth()
    return Browser(client, hass.auth.async_create_access_token(refresh))


def needs(house: House, need: ApprovalNeed) -> None:
    """Let each update of the front door need somebody's consent."""
    Night(house).set_lock(approval=need)


async def test_approving_under_reconfigure(
    house: House, browser: Browser, app: Authenticator
) -> None:
    """With the code that it takes; a wrong one is told, and can be mended."""
    needs(house, ApprovalNeed.SECOND_FACTOR)
    await house.release("1.1.0")
    form = await browser.reconfigure(house, "approve")
    assert form["description_placeholders"]["version"] == "1.1.0"
    assert form["description_placeholders"]["installed"] == "1.0.0"
    wrong = await browser.submit(form, code="12")
    assert wrong["errors"] == {"base": "refused"}
    assert "six digits" in wrong["description_placeholders"]["problem"]
    done = await browser.submit(wrong, code=app.code())
    assert (done["type"], done["reason"]) == ("abort", "approved")
    assert house.managed().decided.approved_by == "Ann"
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"


async def test_approving_as_a_repair(house: House, browser: Browser) -> None:
    """It waits there as long as nobody has said yes, and no longer."""
    needs(house, ApprovalNeed.PERSON)
    await house.release("1.1.0")
    await house.settle()
    form = await browser.fix("approval_waits", house.hass)
    assert form["step_id"] == "approve"
    assert form["data_schema"] == []
    done = await browser.submit(form)
    assert done["type"] == "create_entry"
    assert house.managed().decided.approved_by == "Ann"
    await a_turn()
    left = [each.translation_key for each in ir.async_get(house.hass).issues.values()]
    assert "approval_waits" not in left


async def test_another_feed_lets_nothing_go_on_that_a_removed_one_has_halted(
    house: House, browser: Browser
) -> None:
    """Of the same vendor, under other keys: the repair takes who knows of the halt."""
    night = Night(house)
    night.automate()
    data = make_release(house.vendor, "1.1.0")
    await house.release("1.1.0", package=data, **HALTED)
    other = Vendor(name=house.vendor.name, models=MODELS)
    other.firmware_key = house.vendor.firmware_key
    other.describe(firmware_keys=[house.vendor.firmware_key_pem])
    publish(other, "1.1.0", package=data)
    await other.start()
    try:
        await house.remove(house.vendor.name)
        await add_feed(house.hass, house.entry, url=other.url, root=other.root)
        await house.settle()
        lock = house.managed()
        house.hass.config_entries.async_update_subentry(
            house.entry,
            house.entry.subentries[lock.subentry_id],
            data={
                **house.entry.subentries[lock.subentry_id].data,
                "feed": house.feed.subentry_id,
            },
        )
        await house.settle()
        assert lock.feed is house.feed
        await night.look()
        assert house.locks[FRONT_DOOR].version == "1.0.0"
        assert plan_of(lock).waiting is Waiting.APPROVAL
        form = await browser.fix("approval_waits", house.hass)
        refused = await browser.submit(form, halt_known=False)
        assert "has halted 1.1.0" in refused["description_placeholders"]["problem"]
        done = await browser.submit(refused, halt_known=True)
        assert done["type"] == "create_entry"
        await house.install()
        assert house.locks[FRONT_DOOR].version == "1.1.0"
    finally:
        await other.stop()


async def test_a_repair_about_what_is_no_longer_offered(
    house: House, browser: Browser
) -> None:
    """Nobody approves what was not shown."""
    needs(house, ApprovalNeed.PERSON)
    await house.release("1.1.0")
    await house.settle()
    form = await browser.fix("approval_waits", house.hass)
    await house.release("1.2.0")
    late = await browser.submit(form)
    assert (late["type"], late["reason"]) == ("abort", "nothing_to_approve")
    assert house.managed().decided.approved_by is None


async def test_a_form_about_what_is_no_longer_offered(
    house: House, browser: Browser
) -> None:
    """It says so, and then is about what is offered now."""
    needs(house, ApprovalNeed.PERSON)
    await house.release("1.1.0")
    form = await browser.reconfigure(house, "approve")
    await house.release("1.2.0")
    late = await browser.submit(form)
    assert "no longer version 1.1.0" in late["description_placeholders"]["problem"]
    assert late["description_placeholders"]["version"] == "1.2.0"
    done = await browser.submit(late)
    assert done["reason"] == "approved"


async def test_what_no_browser_sends_approves_nothing(house: House) -> None:
    """A form that is filled in by other means has no person behind it."""
    needs(house, ApprovalNeed.PERSON)
    await house.release("1.1.0")
    flows = house.hass.config_entries.subentries
    form = await flows.async_init(
        (house.entry.entry_id, "lock"),
        context={
            "source": "reconfigure",
            "subentry_id": house.managed().subentry_id,
        },
    )
    form = await flows.async_configure(form["flow_id"], {"next_step_id": "approve"})
    refused = await flows.async_configure(form["flow_id"], {})
    shown = refused["description_placeholders"]
    assert shown is not None
    assert "only a person" in shown["problem"]
    assert house.managed().decided.approved_by is None


async def test_going_back_under_reconfigure(
    house: House, browser: Browser, app: Authenticator
) -> None:
    """It begins at once, and its end is told as every end is."""
    await update(house)
    form = await browser.reconfigure(house, "roll_back")
    refused = await browser.submit(form, back_to="1.0.0", code="000000")
    assert refused["errors"] == {"base": "refused"}
    done = await browser.submit(
        refused, back_to="1.0.0", code=app.code(), holes_known=WORDS
    )
    assert (done["type"], done["reason"]) == ("abort", "rollback_begun")
    await until(lambda: house.locks[FRONT_DOOR].version == "1.0.0")
    await house.settle()


async def test_cancelling_under_reconfigure(house: House, browser: Browser) -> None:
    """What runs is stopped as long as it can be."""
    lock = house.locks[FRONT_DOOR]
    lock.bootloader.delays = dict.fromkeys(Opcode, 0.3)
    await house.release("1.1.0")
    press = house.hass.async_create_background_task(install(house.managed()), "press")
    await until(lambda: lock.mode is Mode.BOOTLOADER)
    form = await browser.reconfigure(house, "cancel")
    done = await browser.submit(form)
    assert (done["type"], done["reason"]) == ("abort", "cancelled")
    await until(press.done)
    assert press.exception() is not None
    assert lock.version == "1.0.0"
    await until(lambda: lock.mode is Mode.APPLICATION)


async def test_giving_up_what_was_chosen(house: House, browser: Browser) -> None:
    """Then it is as if nobody had chosen anything."""
    await update(house)
    (kept,) = house.runtime.vault.ran_before(house.managed())
    await house.managed().decided.async_choose(
        kept.release, Source.VAULT, Purpose.ROLLBACK
    )
    assert house.managed().decisions.choice is not None
    form = await browser.reconfigure(house, "give_up")
    done = await browser.submit(form)
    assert (done["type"], done["reason"]) == ("abort", "given_up")
    assert house.managed().decisions.choice is None


async def test_nothing_is_left_to_decide(house: House, browser: Browser) -> None:
    """Whoever comes late is told so."""
    needs(house, ApprovalNeed.PERSON)
    await house.release("1.1.0")
    form = await browser.reconfigure(house, "approve")
    house.vendor.withdraw("kl-1/1.1.0.zip")
    await house.check()
    late = await browser.submit(form)
    assert (late["type"], late["reason"]) == ("abort", "nothing_to_decide")


async def test_an_approval_that_needs_another_code(
    house: House, browser: Browser, app: Authenticator
) -> None:
    """The repair says why, and asks once more."""
    needs(house, ApprovalNeed.SECOND_FACTOR)
    await house.release("1.1.0")
    await house.settle()
    form = await browser.fix("approval_waits", house.hass)
    wrong = await browser.submit(form, code="12")
    assert wrong["errors"] == {"base": "refused"}
    assert "six digits" in wrong["description_placeholders"]["problem"]
    done = await browser.submit(wrong, code=app.code())
    assert done["type"] == "create_entry"


async def test_an_approval_while_nightlatch_is_not_loaded(
    house: House, browser: Browser
) -> None:
    """Nothing is approved, and it is said why."""
    needs(house, ApprovalNeed.PERSON)
    await house.release("1.1.0")
    await house.settle()
    form = await browser.fix("approval_waits", house.hass)
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    late = await browser.submit(form)
    assert (late["type"], late["reason"]) == ("abort", "not_loaded")


async def test_what_can_be_gone_back_to_is_gone(house: House, browser: Browser) -> None:
    """Nightlatch was stopped while the form stood there."""
    await update(house)
    form = await browser.reconfigure(house, "roll_back")
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    late = await browser.submit(form, back_to="1.0.0", code="123456")
    assert (late["type"], late["reason"]) == ("abort", "nothing_to_decide")


@pytest.mark.parametrize("step", ["cancel", "give_up"])
async def test_what_cannot_be_taken_back_any_more(
    house: House, browser: Browser, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said why; and once it is over there is nothing to decide."""
    lock = house.managed()
    if step == "cancel":
        await house.release("1.1.0")
        lock.async_set_progress(Progress())
    else:
        await update(house)
        (kept,) = house.runtime.vault.ran_before(lock)
        await lock.decided.async_choose(kept.release, Source.VAULT, Purpose.ROLLBACK)
    form = await browser.reconfigure(house, step)

    async def refuses() -> None:
        raise lock.error("too_late_to_cancel")

    where: Any = lock.decided
    if step == "cancel":
        where = house.runtime.installations.of(lock)
    with monkeypatch.context() as patch:
        patch.setattr(
            where, "async_cancel" if step == "cancel" else "async_unchoose", refuses
        )
        refused = await browser.submit(form)
    assert refused["errors"] == {"base": "refused"}
    assert "Front door" in refused["description_placeholders"]["problem"]
    if step == "cancel":
        lock.async_set_progress(None)
    else:
        await lock.decided.async_unchoose()
    late = await browser.submit(refused)
    assert (late["type"], late["reason"]) == ("abort", "nothing_to_decide")
