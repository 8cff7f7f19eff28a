"""A lock is let go of for a while, so that its maker's app reaches it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest
from pytest_homeassistant_custom_component.common import (  # type: ignore[import-untyped]
    MockConfigEntry,
    MockModule,
    async_fire_time_changed,
    mock_config_flow,
    mock_integration,
    mock_platform,
)

from custom_components.nightlatch.core.errors import TransportError, TransportProblem
from custom_components.nightlatch.core.preflight.base import Reason, blockers
from custom_components.nightlatch.core.schedule.plan import Waiting
from custom_components.nightlatch.core.schedule.policy import Importance
from custom_components.nightlatch.core.schedule.queue import Ticket
from custom_components.nightlatch.core.transports.device_information import (
    read_identity,
)
from custom_components.nightlatch.kinds.direct import DirectKind
from custom_components.nightlatch.monitoring.letting_go import FOR
from homeassistant.config_entries import (
    ConfigEntry,
    ConfigEntryDisabler,
    ConfigEntryState,
    ConfigFlow,
    OperationNotAllowed,
)
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.util import dt as dt_util

from .asked import a_turn, checks_of, plan_of, read
from .flows import until
from .house import BACK_DOOR, FRONT_DOOR, House
from .test_kept import entry_of
from .test_lifecycle import begin, slow_down, speed_up
from .vaulted import audited, issues

BUTTON = "button.front_door_let_go_for_ten_minutes"


@pytest.fixture(autouse=True)
def flows_of_others() -> Iterator[None]:
    """Let Home Assistant know how the other integrations are set up."""
    with ExitStack() as stack:
        for title in ("hall", "hub", "listener", "rigid", "slow"):
            stack.enter_context(mock_config_flow(f"other_{title}", ConfigFlow))
        yield


async def press(house: House) -> None:
    """Press the button."""
    await house.hass.services.async_call(
        "button", "press", {"entity_id": BUTTON}, blocking=True
    )


async def other_integration(
    house: House,
    title: str,
    *,
    devices: int = 1,
    has_lock: bool = True,
    unloads: Callable[[], Awaitable[bool]] | None = None,
    can_unload: bool = True,
) -> ConfigEntry:
    """Let another integration be connected to the lock, and perhaps have others too."""
    domain = f"other_{title.lower()}"

    async def set_up(hass: HomeAssistant, entry: ConfigEntry) -> bool:
        return True

    async def unload(hass: HomeAssistant, entry: ConfigEntry) -> bool:
        return True if unloads is None else await unloads()

    mock_integration(
        house.hass,
        MockModule(
            domain,
            async_setup_entry=set_up,
            async_unload_entry=unload if can_unload else None,
        ),
    )
    mock_platform(house.hass, f"{domain}.config_flow")
    entry = MockConfigEntry(domain=domain, title=title)
    entry.add_to_hass(house.hass)
    addresses = [FRONT_DOOR, *(f"C0:00:00:00:00:{n:02}" for n in range(devices - 1))]
    for address in addresses:
        device = dr.async_get(house.hass).async_get_or_create(
            config_entry_id=entry.entry_id,
            connections={(dr.CONNECTION_BLUETOOTH, address)},
        )
        er.async_get(house.hass).async_get_or_create(
            "lock" if has_lock else "sensor",
            domain,
            address,
            config_entry=entry,
            device_id=device.id,
        )
    assert await house.hass.config_entries.async_setup(entry.entry_id)
    found: ConfigEntry = entry
    return found


async def later(house: House, time: timedelta) -> None:
    """Let time go by for who waits; timers count seconds, whatever the clock says."""
    async_fire_time_changed(house.hass, dt_util.utcnow() + time)
    await house.settle()


async def told(house: House) -> tuple[str, str]:
    """Return who has let go, and who could not be made to, as the repair says it."""
    gone, _, stays = (await issues(house))["let_go"].partition("Did not let go")
    return gone, stays


async def test_everybody_lets_go_and_takes_it_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so, until when; nothing connects meanwhile, and it ends by itself."""
    lock = house.managed()
    other = await other_integration(house, "Hall")
    await house.release("1.1.0")
    on_disk = other.as_dict()
    await press(house)
    assert other.state is ConfigEntryState.NOT_LOADED
    # Nothing of it is kept: at its next start Home Assistant sets it up itself.
    assert other.as_dict() == on_disk
    gone, stays = await told(house)
    assert "(Hall)" in gone
    # Nothing is said of what there is not.
    assert not stays
    assert "still hold" not in gone
    connections = house.links[FRONT_DOOR].counters.packets
    with pytest.raises(TransportError) as caught:
        await read(lock)
    assert caught.value.reason is TransportProblem.LET_GO
    assert Reason.LET_GO in {each.reason for each in blockers(checks_of(lock))}
    with pytest.raises(HomeAssistantError, match="was let go of"):
        await house.install()
    assert house.links[FRONT_DOOR].counters.packets == connections
    # Once more begins the time anew.
    monkeypatch.setattr(
        "custom_components.nightlatch.monitoring.letting_go.FOR", 2 * FOR
    )
    await press(house)
    await later(house, 1.5 * FOR)
    assert house.runtime.letting_go.of(lock) is not None
    assert other.state is ConfigEntryState.NOT_LOADED
    await later(house, 2.5 * FOR)
    await until(lambda: other.state is ConfigEntryState.LOADED)
    assert "let_go" not in await issues(house)
    assert len(await audited(house, "let_go")) == 2
    await read(lock)
    assert Reason.LET_GO not in {each.reason for each in checks_of(lock)}


async def test_only_who_has_this_lock_and_nothing_else_is_unloaded(
    house: House,
) -> None:
    """Others are named where they hold it, and left alone where they only listen."""
    hub = await other_integration(house, "Hub", devices=3)
    listener = await other_integration(house, "Listener", has_lock=False)
    rigid = await other_integration(house, "Rigid", can_unload=False)
    await press(house)
    gone, stays = await told(house)
    assert "let go as well" not in gone
    assert "(Hub)" in stays
    assert "(Rigid)" in stays
    assert "Listener" not in gone + stays
    for each in (hub, listener, rigid):
        assert each.state is ConfigEntryState.LOADED


async def test_who_does_not_let_go_in_time_is_named_and_set_up_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not waited for without end, nor cut off in the middle."""
    monkeypatch.setattr(
        "custom_components.nightlatch.adapters.letting_go._UNLOADED_WITHIN", 0.01
    )
    goes = asyncio.Event()

    async def slowly() -> bool:
        await goes.wait()
        return True

    slow = await other_integration(house, "Slow", unloads=slowly)
    await press(house)
    assert "(Slow)" in (await told(house))[1]
    async_fire_time_changed(house.hass, dt_util.utcnow() + 2 * FOR)
    await until(lambda: house.runtime.letting_go.of(house.managed()) is None)
    assert slow.state is ConfigEntryState.UNLOAD_IN_PROGRESS
    goes.set()
    await until(lambda: slow.state is ConfigEntryState.LOADED)


async def test_a_connection_of_ours_that_does_not_end_is_told(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock stays with us then, and so do others stay with theirs."""
    other = await other_integration(house, "Hall")
    monkeypatch.setattr(
        "custom_components.nightlatch.monitoring.letting_go._ENDS_WITHIN", 0.01
    )
    async with house.runtime.queue.short_use():
        with pytest.raises(HomeAssistantError, match="not ended within a minute"):
            await press(house)
    lock = house.managed()
    assert lock.let_go_until is None
    assert "let_go" not in await issues(house)
    await read(lock)
    # One that was let go of before stays so.
    await press(house)
    before = lock.let_go_until
    async with house.runtime.queue.short_use():
        with pytest.raises(HomeAssistantError, match="not ended within a minute"):
            await press(house)
    assert lock.let_go_until == before
    assert other.state is ConfigEntryState.NOT_LOADED
    await later(house, 1.5 * FOR)
    assert house.runtime.letting_go.of(lock) is None


async def test_the_installation_on_another_lock_is_not_waited_for(
    two_doors: House,
) -> None:
    """Its connection is not to this one."""
    house = two_doors
    slow_down(house)
    queue = house.runtime.queue
    ticket = Ticket(key="other", name="Back door", importance=Importance.ENTRY)
    async with queue.turn(ticket):
        await press(house)
    assert house.managed().let_go_until is not None
    assert house.managed(BACK_DOOR).let_go_until is None


async def test_a_lock_without_a_bluetooth_address_cannot_be_let_go_of(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And that is what is said."""
    monkeypatch.setattr(DirectKind, "bluetooth_address", None)
    with pytest.raises(HomeAssistantError, match="no Bluetooth address"):
        await press(house)


async def test_an_update_that_is_due_waits_and_says_why(house: House) -> None:
    """It is not held against the lock, and begins when the time is over."""
    await house.release("1.1.0")
    lock = house.managed()
    await lock.decided.async_schedule(dt_util.utcnow() - timedelta(minutes=1))
    await press(house)
    plan = plan_of(lock)
    assert plan.waiting is Waiting.LET_GO
    assert plan.starts_at == lock.let_go_until
    await house.runtime.scheduler.async_look(dt_util.utcnow())
    await house.settle()
    assert lock.progress is None
    assert not lock.held
    assert lock.record.identity.firmware_version == "1.0.0"


async def test_a_lock_that_is_removed_is_given_back_at_once(house: House) -> None:
    """Nobody else would know of it."""
    other = await other_integration(house, "Hall")
    await press(house)
    assert other.state is ConfigEntryState.NOT_LOADED
    await house.remove("Front door")
    await until(lambda: other.state is ConfigEntryState.LOADED)


async def test_nightlatch_that_goes_while_another_lets_go_gives_it_back(
    house: House,
) -> None:
    """The button was pressed, and everything is unloaded before that is done."""
    begun, goes = asyncio.Event(), asyncio.Event()

    async def slowly() -> bool:
        begun.set()
        await goes.wait()
        return True

    slow = await other_integration(house, "Slow", unloads=slowly)
    letting_go, lock = house.runtime.letting_go, house.managed()
    pressing = asyncio.create_task(letting_go.async_let_go(lock, None))
    await begun.wait()
    assert await house.hass.config_entries.async_unload(house.entry.entry_id)
    goes.set()
    await pressing
    await until(lambda: slow.state is ConfigEntryState.LOADED)
    assert letting_go.of(lock) is None


async def test_who_was_disabled_meanwhile_stays_so(house: House) -> None:
    """What somebody decides in these minutes counts."""
    hall = await other_integration(house, "Hall")
    await press(house)
    await house.hass.config_entries.async_set_disabled_by(
        hall.entry_id, ConfigEntryDisabler.USER
    )
    await later(house, 1.5 * FOR)
    assert house.runtime.letting_go.of(house.managed()) is None
    assert hall.state is ConfigEntryState.NOT_LOADED


async def test_never_during_an_installation(house: House) -> None:
    """It says so, and the lock stays with us."""
    await house.release("1.1.0")
    slow_down(house)
    installing = await begin(house)
    with pytest.raises(HomeAssistantError, match="being installed"):
        await press(house)
    assert house.managed().let_go_until is None
    speed_up(house)
    await installing


async def test_nightlatch_that_goes_gives_back_what_it_took(house: House) -> None:
    """At once: nobody would do it later."""
    other = await other_integration(house, "Hall")
    await press(house)
    assert other.state is ConfigEntryState.NOT_LOADED
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    await until(lambda: other.state is ConfigEntryState.LOADED)


async def test_who_is_removed_or_refuses_meanwhile_holds_up_nobody(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is gone when the time is over; another one just then could not be unloaded."""
    hall = await other_integration(house, "Hall")
    await press(house)
    await house.hass.config_entries.async_remove(hall.entry_id)

    async def refuse(entry_id: str) -> bool:
        raise OperationNotAllowed

    slow = await other_integration(house, "Slow")
    monkeypatch.setattr(house.hass.config_entries, "async_unload", refuse)
    await press(house)
    assert "(Slow)" in (await told(house))[1]
    monkeypatch.undo()
    await later(house, 1.5 * FOR)
    assert house.runtime.letting_go.of(house.managed()) is None
    assert slow.state is ConfigEntryState.LOADED


async def test_once_more_outlasts_the_first_time(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the first one would be over while a connection of ours still ends."""
    lock, other = house.managed(), await other_integration(house, "Hall")
    first_is_over = await let_go_shortly(house, monkeypatch)
    async with house.runtime.queue.short_use():
        pressing = asyncio.create_task(press(house))
        await until(first_is_over)
        await a_turn()
    await pressing
    assert house.runtime.letting_go.of(lock) is not None
    assert lock.let_go_until is not None
    assert other.state is ConfigEntryState.NOT_LOADED
    with pytest.raises(TransportError):
        await read(lock)


async def test_once_more_in_vain_keeps_nobody_away_for_ever(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one is over meanwhile: the lock is ours again, and theirs."""
    lock, other = house.managed(), await other_integration(house, "Hall")
    first_is_over = await let_go_shortly(house, monkeypatch)
    async with house.runtime.queue.short_use():
        pressing = asyncio.create_task(press(house))
        await until(first_is_over)
        await a_turn()
        monkeypatch.setattr(
            "custom_components.nightlatch.monitoring.letting_go._ENDS_WITHIN", 0.01
        )
        async_fire_time_changed(house.hass, dt_util.utcnow() + timedelta(minutes=2))
        with pytest.raises(HomeAssistantError, match="not ended within a minute"):
            await pressing
    await until(lambda: other.state is ConfigEntryState.LOADED)
    assert lock.let_go_until is None
    await read(lock)


async def let_go_shortly(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], bool]:
    """Let go of the lock for a moment; return what tells whether that has passed."""
    module = "custom_components.nightlatch.monitoring.letting_go.FOR"
    with monkeypatch.context() as patch:
        patch.setattr(module, timedelta(seconds=0.5))
        await press(house)
    ends = house.managed().let_go_until
    assert ends is not None
    return lambda: dt_util.utcnow() > ends + timedelta(seconds=0.5)


async def test_whoever_presses_may_go_before_others_have_let_go(house: House) -> None:
    """An automation that is stopped leaves nobody unloaded for ever."""
    begun, goes = asyncio.Event(), asyncio.Event()

    async def slowly() -> bool:
        begun.set()
        await goes.wait()
        return True

    slow, lock = await other_integration(house, "Slow", unloads=slowly), house.managed()
    pressing = asyncio.create_task(house.runtime.letting_go.async_let_go(lock, None))
    await begun.wait()
    pressing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pressing
    goes.set()
    await until(lambda: house.runtime.letting_go.of(lock) is not None)
    await later(house, 1.5 * FOR)
    await until(lambda: slow.state is ConfigEntryState.LOADED)
    assert lock.let_go_until is None


async def test_a_lock_that_is_removed_while_others_let_go_is_not_kept_away_from(
    house: House,
) -> None:
    """Whoever adds it again finds it."""
    begun, goes = asyncio.Event(), asyncio.Event()

    async def slowly() -> bool:
        begun.set()
        await goes.wait()
        return True

    slow, lock = await other_integration(house, "Slow", unloads=slowly), house.managed()
    pressing = asyncio.create_task(house.runtime.letting_go.async_let_go(lock, None))
    await begun.wait()
    house.hass.config_entries.async_remove_subentry(
        house.entry, house.subentry("Front door").subentry_id
    )
    await until(lambda: lock.is_closed)
    goes.set()
    await pressing
    await until(lambda: slow.state is ConfigEntryState.LOADED)
    identity = await read_identity(house.runtime.radio, FRONT_DOOR, "Front door")
    assert identity.firmware_version == "1.0.0"


async def test_never_before_what_was_cut_off_has_gone_on(house: House) -> None:
    """It may wait in its bootloader, and begins as soon as Home Assistant has started."""
    lock = house.managed()
    lock.cut_off = entry_of(house)
    with pytest.raises(HomeAssistantError, match="being installed"):
        await press(house)
    assert lock.let_go_until is None
    lock.cut_off = None
