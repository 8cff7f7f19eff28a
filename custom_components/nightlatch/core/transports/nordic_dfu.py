"""Nordic Secure DFU over Bluetooth LE: from a locked door to a lock that restarts.

The application's buttonless characteristic takes the lock into its bootloader, which
advertises at another address; there the artifact is sent, and the lock restarts.
"""

import asyncio
import logging
from typing import override

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakError

from ..errors import TransportError, TransportProblem
from ..firmware.verify import VerifiedArtifact
from .base import (
    Advertisement,
    GattClient,
    ProgressCallback,
    Radio,
    TransferReport,
    Transport,
    close,
)
from .nordic_link import BootloaderLink, Counters
from .nordic_protocol import (
    BUTTONLESS_BONDED,
    BUTTONLESS_EXPERIMENTAL,
    BUTTONLESS_UNBONDED,
    CONTROL_POINT,
    ENTER_BOOTLOADER,
    SERVICE,
    bootloader_address,
    check_buttonless,
)
from .nordic_sender import Sender

_LOGGER = logging.getLogger(__name__)

BUTTONLESS_TIMEOUT = 30.0
# A lock may restart before it has answered; then the lost link is the answer.
RESTART_TIMEOUT = 10.0
BOOTLOADER_TIMEOUT = 45.0
# Until then an advertisement at the application's own address may come from a cache.
STALE_ADVERTISEMENTS = 10.0
# Consecutive connections that brought no byte further.
FRUITLESS_CONNECTIONS = 5
RECONNECT_DELAY = 1.0
# The slowest transfer that is waited for: one packet of 20 bytes in 200 ms.
SLOWEST_RATE = 100
SETTLING_TIME = 300.0

# After these the bootloader may still be there, and go on where it was.
_WORTH_ANOTHER_CONNECTION = {
    TransportProblem.LINK_LOST,
    TransportProblem.NO_ANSWER,
    TransportProblem.GARBLED_ANSWER,
    TransportProblem.CONNECTION_FAILED,
    TransportProblem.NOT_FOUND,
    TransportProblem.BOOTLOADER_NOT_FOUND,
    TransportProblem.NO_CONNECTION_SLOT,
}


class NordicDfuTransport(Transport):
    """Brings a DFU artifact to one lock."""

    def __init__(self, radio: Radio, address: str, name: str) -> None:
        """Prepare for the lock that advertises at ``address``."""
        self._radio = radio
        self._address = address.upper()
        self._name = name
        self._bootloader: str | None = None
        """Where the bootloader was found, once it was."""

    @override
    async def transfer(
        self, artifact: VerifiedArtifact, progress: ProgressCallback
    ) -> TransferReport:
        """Send the artifact; see ``Transport``."""
        artifact.check()
        counters = Counters()
        sender = Sender(artifact, progress)
        loop = asyncio.get_running_loop()
        started = loop.time()
        deadline = SETTLING_TIME + len(artifact.firmware) / SLOWEST_RATE
        try:
            async with asyncio.timeout(deadline):
                await self._send(sender, counters)
        except TimeoutError as err:
            raise TransportError(
                TransportProblem.TOO_SLOW, minutes=round(deadline / 60)
            ) from err
        return TransferReport(
            bytes_sent=counters.packet_bytes,
            bytes_sent_again=sender.bytes_sent_again,
            packets=counters.packets,
            control_writes=counters.control_writes,
            reconnects=counters.connections - 1,
            seconds=loop.time() - started,
        )

    async def _send(self, sender: Sender, counters: Counters) -> None:
        """Send over as many connections as it takes."""
        fruitless = 0
        while True:
            before = sender.confirmed
            try:
                if sender.activating and await self._application_is_back():
                    return
                await self._send_on_one_connection(sender, counters)
            except TransportError as err:
                fruitless = 0 if sender.confirmed > before else fruitless + 1
                if (
                    err.reason not in _WORTH_ANOTHER_CONNECTION
                    or not counters.connections
                    or fruitless == FRUITLESS_CONNECTIONS
                ):
                    raise
                _LOGGER.debug("%s: going on after %s", self._name, err)
                await asyncio.sleep(RECONNECT_DELAY * (1 + fruitless))
            else:
                return

    async def _send_on_one_connection(self, sender: Sender, counters: Counters) -> None:
        address = await self._find_bootloader()
        async with BootloaderLink.open(
            self._radio, address, self._name, counters
        ) as link:
            self._bootloader = address
            try:
                await sender.run(link)
            except (asyncio.CancelledError, TransportError) as err:
                # A lock in its bootloader is a door that does not open. Where going
                # on makes no sense, the old firmware is better than waiting there.
                if getattr(err, "reason", None) not in _WORTH_ANOTHER_CONNECTION:
                    await link.abort()
                raise

    async def _find_bootloader(self) -> str:
        """Return the address of the lock's bootloader; take it there if need be."""
        if self._bootloader is not None:
            # Known from the connection before; if it is gone, the next attempt
            # begins at the application.
            address, self._bootloader = self._bootloader, None
            return address
        moved = bootloader_address(self._address)
        lost = asyncio.Event()
        try:
            client = await self._radio.connect(
                self._address,
                name=self._name,
                disconnected=lost.set,
                fresh_services=True,
            )
        except TransportError as err:
            if err.reason is TransportProblem.NO_CONNECTION_SLOT:
                raise
            # Perhaps it is in its bootloader already, from an earlier attempt.
            try:
                return await self._wait_for_bootloader({moved}, STALE_ADVERTISEMENTS)
            except TransportError:
                raise err from None
        try:
            if client.services.get_characteristic(CONTROL_POINT):
                return self._address
            bonded = await self._enter_bootloader(client, lost)
        finally:
            await close(client)
        if bonded:
            return await self._wait_for_bootloader({self._address}, BOOTLOADER_TIMEOUT)
        try:
            return await self._wait_for_bootloader({moved}, STALE_ADVERTISEMENTS)
        except TransportError:
            return await self._wait_for_bootloader(
                {moved, self._address}, BOOTLOADER_TIMEOUT
            )

    async def _enter_bootloader(self, client: GattClient, lost: asyncio.Event) -> bool:
        """Ask the application to restart into the bootloader.

        Return whether its bootloader stays at the application's address.
        """
        services = client.services
        bonded = services.get_characteristic(BUTTONLESS_BONDED)
        buttonless = bonded or services.get_characteristic(BUTTONLESS_UNBONDED)
        if buttonless is None:
            if services.get_characteristic(BUTTONLESS_EXPERIMENTAL):
                raise TransportError(TransportProblem.INSECURE_BUTTONLESS)
            raise TransportError(TransportProblem.NOT_UPDATABLE)
        answers: asyncio.Queue[bytes] = asyncio.Queue()

        def answered(_: BleakGATTCharacteristic, data: bytearray) -> None:
            answers.put_nowait(bytes(data))

        try:
            async with asyncio.timeout(BUTTONLESS_TIMEOUT):
                if bonded:
                    await self._bond(client)
                await client.start_notify(buttonless, answered)
                # While the application still answers: what a proxy knows of its
                # services and MTU must not be taken for the bootloader's.
                await self._radio.forget_services(client)
                await client.write_gatt_char(
                    buttonless, ENTER_BOOTLOADER, response=True
                )
        except (BleakError, TimeoutError) as err:
            if not lost.is_set():
                raise TransportError(
                    TransportProblem.NO_ANSWER, step="enter_bootloader"
                ) from err
        await self._wait_for_restart(answers, lost)
        return bonded is not None

    @staticmethod
    async def _bond(client: GattClient) -> None:
        try:
            await client.pair()
        except (BleakError, NotImplementedError) as err:
            raise TransportError(TransportProblem.NOT_BONDED) from err

    @staticmethod
    async def _wait_for_restart(
        answers: asyncio.Queue[bytes], lost: asyncio.Event
    ) -> None:
        """Wait until the lock restarts; one that only says so is disconnected."""
        answer = asyncio.ensure_future(answers.get())
        restarted = asyncio.ensure_future(lost.wait())
        try:
            await asyncio.wait(
                (answer, restarted),
                timeout=RESTART_TIMEOUT,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if answer.done():
                check_buttonless(answer.result())
                await asyncio.wait((restarted,), timeout=RECONNECT_DELAY)
        finally:
            answer.cancel()
            restarted.cancel()

    async def _wait_for_bootloader(self, addresses: set[str], timeout: float) -> str:
        """Wait for the bootloader to advertise and return its address.

        Never by its name alone: two locks may be in their bootloaders at once.
        """

        def is_bootloader(seen: Advertisement) -> bool:
            return seen.address in addresses and (
                SERVICE in seen.service_uuids or seen.address == self._address
            )

        try:
            return (await self._radio.find(is_bootloader, timeout)).address
        except TimeoutError as err:
            raise TransportError(TransportProblem.BOOTLOADER_NOT_FOUND) from err

    async def _application_is_back(self) -> bool:
        """Find out where the lock is after the link was lost at the last EXECUTE."""
        addresses = {self._address, bootloader_address(self._address)}
        try:
            seen = await self._radio.find(
                lambda seen: seen.address in addresses, BOOTLOADER_TIMEOUT
            )
        except TimeoutError:
            # Silent for so long: it is activating, or gone. Confirming finds out.
            return True
        if seen.address != self._address:
            self._bootloader = seen.address
            return False
        client = await self._radio.connect(
            self._address,
            name=self._name,
            disconnected=lambda: None,
            fresh_services=True,
        )
        try:
            return client.services.get_characteristic(CONTROL_POINT) is None
        finally:
            await close(client)
