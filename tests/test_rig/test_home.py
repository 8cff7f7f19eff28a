"""The rig runs a whole Home Assistant that reaches virtual peripherals."""

import asyncio
import fcntl
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from tests.rig.home import Home
from tests.rig.home_client import FlowKind, HomeError
from tests.rig.proxy import HOST, EsphomeProxy

from .gadget import ADDRESS, Gadget

PATIENCE = 30.0
"""Real seconds; a part of one is enough."""


async def hear(home: Home, address: str) -> Any:
    """Wait for an advertisement as a browser that shows them does."""
    async with (
        asyncio.timeout(PATIENCE),
        home.client.subscription("bluetooth/subscribe_advertisements") as batches,
    ):
        while True:
            for advertisement in (await batches.get()).get("add", []):
                if advertisement["address"] == address:
                    return advertisement


async def loaded(home: Home) -> set[str]:
    """Return the domains with a loaded entry."""
    entries = await home.client.command("config_entries/get")
    return {entry["domain"] for entry in entries if entry["state"] == "loaded"}


def process() -> psutil.Process:
    """Return Home Assistant's process: we have no other."""
    [process] = psutil.Process().children()
    return process


@pytest.fixture
def gadget_proxy(proxy: EsphomeProxy) -> EsphomeProxy:
    """Run a proxy that hears the gadget."""
    proxy.add(Gadget())
    return proxy


async def test_two_starts(gadget_proxy: EsphomeProxy, tmp_path: Path) -> None:
    """A new home takes a proxy through the usual flow, and still has it next time."""
    async with Home(tmp_path) as home:
        assert "bluetooth" not in await loaded(home)
        await home.add_proxy(gadget_proxy)
        advertisement = await hear(home, ADDRESS)
        assert advertisement["source"] == gadget_proxy.bluetooth_mac
        assert advertisement["connectable"]
        assert {"bluetooth", "esphome"} <= await loaded(home)
        # Nothing of it can be reached from outside, and it talks to nobody there.
        sockets = process().net_connections(kind="inet")
        assert {socket.laddr.ip for socket in sockets} == {HOST}

    async with Home(tmp_path, environment={"NIGHTLATCH_TEST": "1"}) as home:
        assert process().environ()["NIGHTLATCH_TEST"] == "1"
        assert await hear(home, ADDRESS)
        assert {"bluetooth", "esphome"} <= await loaded(home)
        await check_the_client(home)


async def check_the_client(home: Home) -> None:
    """Actions, states, flows and refusals work over the client."""
    client = home.client
    helper = await client.command("input_boolean/create", name="Guests")
    entity_id = f"input_boolean.{helper['id']}"
    switching = asyncio.create_task(
        client.wait_for_state(entity_id, lambda state: state["state"] == "on", PATIENCE)
    )
    await client.call_service("input_boolean", "turn_on", entity_id)
    assert (await switching)["attributes"]["friendly_name"] == "Guests"
    assert await client.state("input_boolean.nobody") is None
    assert (await client.get("/api/config"))["location_name"] == "Home"

    step = await client.start_flow(FlowKind.ENTRY, "esphome")
    assert (step["type"], step["step_id"]) == ("form", "user")
    with pytest.raises(HomeError, match="400"):
        await client.continue_flow(FlowKind.ENTRY, step["flow_id"], {"port": "none"})
    with pytest.raises(HomeError, match="did not end"):
        await client.finish_flow(FlowKind.ENTRY, "esphome")
    with pytest.raises(HomeError, match="unknown_command"):
        await client.command("no/such/command")
    with pytest.raises(HomeError, match="refused"):
        await client.log_in("demo", "wrong")


async def test_home_that_cannot_start(socket_enabled: None, tmp_path: Path) -> None:
    """A Home Assistant that ends at once is noticed at once."""
    with (tmp_path / ".ha_run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(HomeError, match="has ended"):
            await Home(tmp_path).start()
