"""The virtual lock with MCUboot behind the proxy, through Home Assistant's Bluetooth."""

import asyncio
import hashlib
import struct
from typing import Any

import cbor2
import pytest

from tests.rig.fixtures import ProxiedHome
from tests.rig.link import LinkModel
from tests.rig.lock_body import Mode
from tests.rig.lock_services import SMP_CHARACTERISTIC
from tests.rig.mcuboot_image import image_hash
from tests.rig.scene import make_mcuboot_lock

from .test_mcuboot_lock import ADDRESS, NEW_IMAGE, SIZE, VENDOR_OF_ALL
from .test_proxy import PATIENCE, connect, until


@pytest.mark.parametrize("mtu", [247, 498])
async def test_an_update_through_the_proxy(proxied_home: ProxiedHome, mtu: int) -> None:
    """Requests in several writes, answers in notifications, the restart, the same address."""
    lock = make_mcuboot_lock(VENDOR_OF_ALL, ADDRESS, size=SIZE, kind=True)
    proxied_home.proxy.add(lock, LinkModel(mtu=mtu))
    client = await connect(proxied_home.hass, ADDRESS)
    answers: asyncio.Queue[bytes] = asyncio.Queue()
    await client.start_notify(
        SMP_CHARACTERISTIC, lambda _, data: answers.put_nowait(bytes(data))
    )

    async def ask(operation: int, group: int, command: int, **fields: Any) -> Any:
        body = cbor2.dumps(fields)
        packet = (
            struct.pack(">BBHHBB", operation | 8, 0, len(body), group, 1, command)
            + body
        )
        size = client.mtu_size - 3
        for start in range(0, len(packet), size):
            await client.write_gatt_char(
                SMP_CHARACTERISTIC, packet[start : start + size], response=False
            )
        answer = b""
        async with asyncio.timeout(PATIENCE):
            while len(answer) < 8 or len(answer) < 8 + int.from_bytes(answer[2:4]):
                answer += await answers.get()
        return cbor2.loads(answer[8:])

    offset = 0
    while offset < len(NEW_IMAGE):
        fields = {"off": offset, "data": NEW_IMAGE[offset : offset + 2300]}
        if not offset:
            digest = hashlib.sha256(NEW_IMAGE).digest()
            fields |= {"len": len(NEW_IMAGE), "sha": digest}
        offset = (await ask(2, 1, 1, **fields))["off"]
    states = await ask(2, 1, 0, hash=image_hash(NEW_IMAGE))
    assert states["images"][1]["pending"]
    await ask(2, 0, 5)
    await until(lambda: not client.is_connected)
    await until(lambda: lock.mode is Mode.APPLICATION)
    assert lock.version == "1.1.0+0"
    client = await connect(proxied_home.hass, ADDRESS)
    await client.start_notify(
        SMP_CHARACTERISTIC, lambda _, data: answers.put_nowait(bytes(data))
    )
    await ask(2, 1, 0, confirm=True)
    await client.disconnect()
    lock.cut_power()
