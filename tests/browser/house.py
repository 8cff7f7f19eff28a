"""The demo's house, running in a thread beside a browser that is driven from here."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
import threading
from time import time
from types import TracebackType
from typing import Any, Final, Self

import pyotp

from custom_components.nightlatch.const import DOMAIN
from tests.rig.demo import (
    ADDRESS,
    CELLAR,
    FRONT,
    GARDEN,
    LINK,
    SIDE,
    Demo,
    add_garden_lock,
    add_known_lock,
    add_lock,
    running,
    set_by_owner,
    set_up_others,
)
from tests.rig.home_client import FlowKind, HomeClient
from tests.rig.scene import lock_form, publish, publish_mcuboot

PATIENCE: Final = 60.0
"""Seconds; the longest that anything takes which is not an installation."""
INSTALL_PATIENCE: Final = 150.0
UPDATES: Final = {
    FRONT: "update.front_door_firmware",
    GARDEN: "update.garden_door_firmware",
    SIDE: "update.side_door_guarded_firmware",
}
_START: Final = 240.0
_LOOK: Final = 0.2


class RunningHouse:
    """Home Assistant, and all that it speaks with; one for all tests of a run."""

    def __init__(self, directory: Path) -> None:
        """Take a folder."""
        self._directory = directory
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._house = running(directory, set_up_others)
        # Above what the demo's vendor has released already.
        self._newest = 1
        self._authenticator: pyotp.TOTP | None = None
        self._codes_used: set[str] = set()
        self.demo: Demo

    def __enter__(self) -> Self:
        """Start everything but Nightlatch, which a person adds."""
        self._thread.start()
        self.demo = self.do(self._house.__aenter__(), timeout=_START)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        try:
            self.do(self._house.__aexit__(kind, error, trace), timeout=_START)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    @property
    def client(self) -> HomeClient:
        """The way to ask Home Assistant."""
        return self.demo.client

    def do[T](self, what: Coroutine[Any, Any, T], timeout: float = PATIENCE) -> T:
        """Do something in the house, and wait for its end."""
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(timeout)

    def tell(self, what: Callable[[], object]) -> None:
        """Let something happen to what is in the house."""

        async def happen() -> None:
            what()

        self.do(happen())

    def until(
        self, wanted: Callable[[], bool], timeout: float = INSTALL_PATIENCE
    ) -> None:
        """Wait until something in the house is so."""

        async def wait() -> None:
            async with asyncio.timeout(timeout):
                while not wanted():  # noqa: ASYNC110
                    await asyncio.sleep(_LOOK)

        self.do(wait(), timeout + PATIENCE)

    def state(self, entity_id: str) -> Any:
        """Return the state of an entity."""
        return self.do(self.client.state(entity_id))

    def until_state(
        self,
        entity_id: str,
        wanted: Callable[[Any], bool],
        timeout: float = INSTALL_PATIENCE,
    ) -> Any:
        """Wait for the state of an entity."""
        return self.do(
            self.client.wait_for_state(entity_id, wanted, timeout), timeout + PATIENCE
        )

    def speak(self, language: str) -> None:
        """Let Home Assistant have another language."""
        self.do(self.client.command("config/core/update", language=language))

    # What is set up.

    @property
    def entry_id(self) -> str | None:
        """Return the id of Nightlatch's entry; None without one."""
        entries = self.do(self.client.command("config_entries/get", domain=DOMAIN))
        return entries[0]["entry_id"] if entries else None

    def empty(self) -> None:
        """Let Nightlatch be gone, as if nobody had added it yet."""
        if (entry_id := self.entry_id) is not None:
            self.do(self.client.delete(f"/api/config/config_entries/entry/{entry_id}"))

    def furnish(self) -> None:
        """Let Nightlatch look after the four locks of the demo, as a person set it up."""
        if self._locks() == 4:
            return
        self.empty()
        self.do(self._add_all(), INSTALL_PATIENCE)

    def _locks(self) -> int:
        if (entry_id := self.entry_id) is None:
            return 0
        subentries = self.do(
            self.client.command("config_entries/subentries/list", entry_id=entry_id)
        )
        return sum(each["subentry_type"] == "lock" for each in subentries)

    async def _add_all(self) -> None:
        demo, client = self.demo, self.client
        set_by_owner(demo)
        await self._set_up_authenticator()
        result = await client.finish_flow(FlowKind.ENTRY, DOMAIN, {})
        entry_id = result["result"]["entry_id"]
        answer = {"url": demo.vendor.url, "root": demo.vendor.root.decode()}
        await client.finish_flow(FlowKind.SUBENTRY, (entry_id, "feed"), answer, {})
        form = lock_form(FRONT, approval="second_factor")
        await add_lock(client, entry_id, ADDRESS, form)
        await add_garden_lock(demo, entry_id)
        for name in (SIDE, CELLAR):
            await add_known_lock(client, entry_id, name)

    async def _set_up_authenticator(self) -> None:
        if self._authenticator is not None:
            return
        step = await self.client.command("auth/setup_mfa", mfa_module_id="totp")
        authenticator = pyotp.TOTP(step["description_placeholders"]["code"])
        while step["type"] != "create_entry":
            # Home Assistant takes only the code of this very half minute.
            step = await self.client.command(
                "auth/setup_mfa",
                flow_id=step["flow_id"],
                user_input={"code": authenticator.now()},
            )
        self._authenticator = authenticator

    def code(self) -> str:
        """Return what the owner's authenticator app shows; each counts only once."""
        authenticator = self._authenticator
        assert authenticator is not None
        code = ""

        def is_new() -> bool:
            nonlocal code
            now = time()
            # A clock that is some seconds off is borne too.
            for at in (now, now + authenticator.interval):
                code = authenticator.at(int(at))
                if code not in self._codes_used:
                    return True
            return False

        self.until(is_new, PATIENCE)
        self._codes_used.add(code)
        return code

    # What happens.

    def next_version(self) -> str:
        """Return a version above all that there have been."""
        self._newest += 1
        return f"1.{self._newest}.0"

    def release(self, lock: str = FRONT) -> str:
        """Let the vendor release something newer for a lock; return what."""
        version = self.next_version()
        release = publish if lock == FRONT else publish_mcuboot
        self.tell(lambda: release(self.demo.vendor, version))
        update = UPDATES[lock]
        self.do(self.client.call_service("nightlatch", "check_now", update))
        self.until_state(
            update, lambda state: state["attributes"]["latest_version"] == version
        )
        return version

    def approve(self, version: str) -> None:
        """Let the owner approve a version for the front door, with a code."""
        self.do(
            self.client.call_service(
                "nightlatch",
                "approve",
                UPDATES[FRONT],
                version=version,
                code=self.code(),
            )
        )

    def install(self, lock: str) -> None:
        """Let what is offered for a lock be installed, and wait for its end."""
        self.do(
            self.client.call_service(
                "update", "install", UPDATES[lock], timeout=INSTALL_PATIENCE
            ),
            INSTALL_PATIENCE + PATIENCE,
        )

    def runs(self, lock: str) -> str:
        """Return which version a lock is known to run."""
        return str(self.state(UPDATES[lock])["attributes"]["installed_version"])

    def until_installed(self, lock: str, version: str) -> None:
        """Wait until a lock runs a version, and all about it has ended."""
        self.until_state(
            UPDATES[lock],
            lambda state: (
                state["attributes"]["installed_version"] == version
                and not state["attributes"]["in_progress"]
            ),
        )

    @property
    def time_zone(self) -> str:
        """Return where the house stands."""
        return str(self.do(self.client.command("get_config"))["time_zone"])

    def device_of(self, entity_id: str) -> str:
        """Return the id of the device that an entity belongs to."""
        entity = self.do(
            self.client.command("config/entity_registry/get", entity_id=entity_id)
        )
        return str(entity["device_id"])

    def until_issue(self, kind: str) -> None:
        """Wait until something of ours stands under Repairs."""
        self.do(self._until_issue(kind, there=True), INSTALL_PATIENCE + PATIENCE)

    def until_no_issue(self, kind: str) -> None:
        """Wait until it stands there no more."""
        self.do(self._until_issue(kind, there=False), INSTALL_PATIENCE + PATIENCE)

    async def _until_issue(self, kind: str, *, there: bool) -> None:
        async with asyncio.timeout(INSTALL_PATIENCE):
            while (kind in await self._issues()) is not there:  # noqa: ASYNC110
                await asyncio.sleep(_LOOK)

    async def _issues(self) -> set[str]:
        """Return the kinds of what Home Assistant shows of ours under Repairs."""
        listed = (await self.client.command("repairs/list_issues"))["issues"]
        return {
            str(issue["translation_key"])
            for issue in listed
            if issue["domain"] == DOMAIN
        }

    def slow_down(self) -> None:
        """Let the radio be so slow that there is time to look."""
        self.tell(lambda: setattr(LINK, "connection_interval", 0.1))

    def speed_up(self) -> None:
        """Let it be as fast as it was."""
        self.tell(lambda: setattr(LINK, "connection_interval", 0.03))

    @property
    def complaints(self) -> list[str]:
        """Return what Home Assistant's log holds against us."""
        return [
            line
            for line in self.demo.home.log.read_text().splitlines()
            if DOMAIN in line and (" ERROR " in line or "Traceback" in line)
        ]
