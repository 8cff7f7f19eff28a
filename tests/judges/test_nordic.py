"""web-bluetooth-dfu as it is shipped, and the virtual lock with Nordic's bootloader."""

import asyncio
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
import json
from pathlib import Path
from typing import Any

import pytest

from custom_components.nightlatch.core.transports.base import GattClient
from tests.home.flows import until
from tests.rig import node
from tests.rig.bootloader import RECEIVE_BUFFERS
from tests.rig.link import LinkModel
from tests.rig.lock_body import Mode
from tests.rig.lock_services import CONTROL_POINT, PACKET
from tests.test_rig.dfu import NEW_IMAGE, NEW_INIT_PACKET, Home

from .programs import FOLDER

PATIENCE = 150.0
OBJECT_PACKETS = -(-4096 // 20)


class Browser:
    """What a browser does for a page: it has the radio, and carries what it is told."""

    def __init__(self, home: Home, process: Process) -> None:
        """Know the lock and the page."""
        self.log: list[str] = []
        self.ended: str | None = None
        self._home = home
        self._process = process
        self._client: GattClient

    def _tell(self, **message: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")

    async def serve(self) -> None:
        """Do what the page asks for, until it has ended."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            asked = json.loads(line)
            if "log" in asked:
                self.log.append(asked["log"])
            elif "ended" in asked:
                self.ended = asked["ended"]
                return
            elif asked["do"] == "send":
                await self._write(asked, response=False)
            else:
                self._tell(id=asked["id"], answer=await self._do(asked))

    async def _do(self, asked: dict[str, Any]) -> Any:
        if asked["do"] == "connect":
            self._client = await self._home.radio.connect(
                self._home.lock.advertised_address,
                name="lock",
                disconnected=lambda: self._tell(gone=True),
                fresh_services=True,
            )
            return [
                {"uuid": CONTROL_POINT, "properties": ["write", "notify"]},
                {"uuid": PACKET, "properties": ["writeWithoutResponse"]},
            ]
        if asked["do"] == "notify":
            await self._client.start_notify(
                asked["uuid"],
                lambda _, data: self._tell(notified=asked["uuid"], data=data.hex()),
            )
            return None
        await self._write(asked, response=True)
        return None

    async def _write(self, asked: dict[str, Any], *, response: bool) -> None:
        await self._client.write_gatt_char(
            asked["uuid"], bytes.fromhex(asked["data"]), response=response
        )

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something has become true, as long as a page may take."""
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110  there is no event for it
                await asyncio.sleep(0.01)


@pytest.fixture
async def home(socket_enabled: None) -> AsyncGenerator[Home]:
    """A lock in its bootloader; a packet of 20 bytes goes over each 7.5 ms."""
    home = Home(model=LinkModel(connection_interval=0.0075, packets_per_interval=1))
    await home.enter_bootloader()
    yield home
    home.close()


@asynccontextmanager
async def _page(home: Home, folder: Path) -> AsyncGenerator[Browser]:
    """Let the page send an update; it goes on meanwhile."""
    init, firmware = folder / "init.dat", folder / "firmware.bin"
    init.write_bytes(NEW_INIT_PACKET)
    firmware.write_bytes(NEW_IMAGE)
    program = await node.installed_node(FOLDER)
    process = await node.start(
        program, "browser.cjs", str(init), str(firmware), cwd=FOLDER
    )
    browser = Browser(home, process)
    serving = asyncio.create_task(browser.serve())
    try:
        yield browser
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        await node.stop(process)


@pytest.mark.timeout(1200)
async def test_a_browser_updates_the_lock_without_receipts(
    home: Home, tmp_path: Path
) -> None:
    """The flash empties the buffers meanwhile: nothing is lost, nothing sent twice."""
    async with _page(home, tmp_path) as browser:
        await browser.until(lambda: browser.ended is not None)
        assert browser.ended == "updated", browser.log
    await until(lambda: home.lock.mode is Mode.APPLICATION)
    assert home.lock.version == "1.1.0"
    assert home.lock.flash.application == NEW_IMAGE
    assert browser.log[-1] == "disconnected"
    counters = home.lock.bootloader.counters
    assert counters.dropped_packets == 0
    assert counters.data_objects == 3
    assert "object failed to validate" not in browser.log


@pytest.mark.timeout(1200)
async def test_a_browser_gives_up_with_buffers_at_their_worst(
    home: Home, tmp_path: Path
) -> None:
    """It fills what there is of them; that the rest is missing EXECUTE tells it."""
    home.lock.bootloader.hold_buffers()
    counters = home.lock.bootloader.counters
    async with _page(home, tmp_path) as browser:
        await browser.until(lambda: browser.ended is not None)
    assert browser.ended is not None
    assert "does not allow this operation" in browser.ended, browser.log
    assert f"written {RECEIVE_BUFFERS * 20} bytes" in browser.log
    assert counters.dropped_packets == OBJECT_PACKETS - RECEIVE_BUFFERS
    assert home.lock.mode is Mode.BOOTLOADER
