"""A whole Home Assistant with its frontend, run as a process of its own."""

import asyncio
from collections.abc import Mapping
import json
import os
from pathlib import Path
import signal
import socket
import sys
from typing import Any, Self

import aiohttp

from .home_client import FlowKind, HomeClient, HomeError
from .proxy import HOST, EsphomeProxy

USERNAME = "demo"
PASSWORD = "nightlatch"

START_TIMEOUT = 180.0
"""Seconds; a first start on a slow machine compiles a few thousand modules."""
STOP_TIMEOUT = 60.0
"""Seconds until a Home Assistant that doesn't stop is killed."""

_POLL_INTERVAL = 0.1
_REPOSITORY = Path(__file__).parents[2]
_INTEGRATION = _REPOSITORY / "custom_components" / "nightlatch"
_LAUNCHER = Path(__file__).with_name("hass_on_loopback.py")

_CONFIGURATION = """\
homeassistant:
  name: Home
  language: en
  country: NL
  currency: EUR
  unit_system: metric
  time_zone: Europe/Amsterdam
  latitude: 52.37
  longitude: 4.89
frontend:
config:
history:
logbook:
"""


class Home:
    """A Home Assistant with Nightlatch in its custom components.

    What it learned stays in its directory: a second start finds the user and all
    entries again.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int = 0,
        environment: Mapping[str, str] | None = None,
        configuration: str = "",
    ) -> None:
        """Describe the home; ``port`` 0 takes a free one at each start.

        ``configuration`` is more YAML for Home Assistant.
        """
        self.directory = directory
        self.log = directory / "hass.log"
        """What the process has printed since its start."""
        self.client: HomeClient
        self._port = port
        self._environment = environment or {}
        self._configuration = _CONFIGURATION + configuration
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where the frontend is."""
        return self.client.url

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    async def start(self) -> None:
        """Start Home Assistant and log in; return when it is running."""
        port = self._port or _free_port()
        await asyncio.to_thread(self._prepare, port)
        self.client = HomeClient(f"http://{HOST}:{port}")
        self._process = await self._spawn()
        try:
            async with asyncio.timeout(START_TIMEOUT):
                if await self._wait_for_http():
                    await self.client.create_owner(USERNAME, PASSWORD)
                else:
                    await self.client.log_in(USERNAME, PASSWORD)
                await self.client.connect()
                await self._wait_until_running()
        except BaseException:
            await self.stop()
            raise

    async def lose_power(self) -> None:
        """End Home Assistant as a loss of power does; it may be started again."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()
        await self.client.close()

    async def stop(self) -> None:
        """Stop Home Assistant as a shutdown of the machine does."""
        await self.client.close()
        if (process := self._process) is None:
            return
        self._process = None
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def add_proxy(self, proxy: EsphomeProxy) -> str:
        """Add a Bluetooth proxy as a user does; return the id of its entry."""
        result = await self.client.finish_flow(
            FlowKind.ENTRY, "esphome", {"host": HOST, "port": proxy.port}
        )
        entry_id: str = result["result"]["entry_id"]
        return entry_id

    def _prepare(self, port: int) -> None:
        """Write what Home Assistant reads when it starts."""
        components = self.directory / "custom_components"
        storage = self.directory / ".storage"
        for directory in (components, storage):
            directory.mkdir(parents=True, exist_ok=True)
        link = components / _INTEGRATION.name
        if not link.is_symlink():
            link.symlink_to(_INTEGRATION, target_is_directory=True)
        (self.directory / "configuration.yaml").write_text(self._configuration)
        # In YAML it would only be on trial, and reverted after some minutes to what
        # listens on all interfaces. All versions migrate from the first format.
        _write_storage(
            storage / "http", 1, {"server_host": [HOST], "server_port": port}
        )
        # The other steps set up integrations that need the internet.
        onboarding = storage / "onboarding"
        if not onboarding.exists():
            _write_storage(
                onboarding, 4, {"done": ["core_config", "analytics", "integration"]}
            )

    async def _spawn(self) -> asyncio.subprocess.Process:
        """Start the process."""
        environment = {**os.environ, **self._environment}
        # Without its compiled modules a start takes four times as long.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        with self.log.open("wb") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                str(_LAUNCHER),
                "--config",
                str(self.directory),
                "--skip-pip",
                "--log-no-color",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env=environment,
                # Ctrl-C in a terminal is for us alone: a second signal, ours, would
                # end Home Assistant in the middle of its shutdown.
                start_new_session=True,
            )

    async def _wait_for_http(self) -> bool:
        """Wait until the web server answers; return whether there is no user yet."""
        assert self._process is not None
        async with aiohttp.ClientSession() as session:
            while True:
                if self._process.returncode is not None:
                    raise HomeError(f"Home Assistant has ended; see {self.log}")
                try:
                    async with session.get(f"{self.url}/api/onboarding") as response:
                        # Once all its steps are done there is no onboarding any more.
                        return response.ok
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(_POLL_INTERVAL)

    async def _wait_until_running(self) -> None:
        """Wait until everything is set up that was known at the start."""
        async with self.client.subscription(
            "subscribe_events", event_type="homeassistant_started"
        ) as started:
            if (await self.client.command("get_config"))["state"] != "RUNNING":
                await started.get()


def _free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server((HOST, 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _write_storage(path: Path, version: int, data: Any) -> None:
    """Write a file of Home Assistant's storage."""
    path.write_text(
        json.dumps(
            {"version": version, "minor_version": 1, "key": path.name, "data": data}
        )
    )
