"""Nordic Secure DFU over Bluetooth LE: from a locked door to a lock that restarts.

The application's buttonless characteristic takes the lock into its bootloader, which
advertises at the next address, or where the two are bonded at the same; there the
artifact is sent, and the lock restarts.
"""

import asyncio
from functools import partial
from typing import override

from bleak.backends.characteristic import BleakGATTCharacteristic

from ..errors import TransportError, TransportProblem
from ..firmware.verify import VerifiedArtifact
from .base import (
    AboutToActivate,
    AboutToTouch,
    Advertisement,
    Counters,
    FirmwareTransport,
    GattClient,
    ProgressCallback,
    Radio,
    TransferReport,
    close,
    connect_to_what_serves,
    find_characteristic,
    hear,
    link_errors,
    nobody_waits,
    once,
)
from .bonding import bond, with_bond
from .inbox import Inbox
from .nordic_link import BootloaderLink
from .nordic_pace import Pace
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
from .sending import BROKEN_OFF, OUT_OF_REACH, RECONNECT_DELAY, send

BUTTONLESS_TIMEOUT = 30.0
# A lock may restart before it has answered; then the lost link is the answer.
RESTART_TIMEOUT = 10.0
# A started bootloader advertises 40 times a second.
JUMP_TIMEOUT = 15.0
# With the pauses between them, the connections that may be fruitless outlast the two
# minutes after which a bootloader that hears nothing starts the old application.
AWAY_TIMEOUT = 45.0
# What runs its application advertises it, at least every other second. A lock that saves
# more power than that is met when it is connected to.
APPLICATION_TIMEOUT = 3.0
# One that has left its application is a door that does not open.
_OUT_OF_REACH = {*OUT_OF_REACH, TransportProblem.BOOTLOADER_NOT_FOUND}


def is_bootloader_of(address: str, seen: Advertisement) -> bool:
    """Return whether this is the bootloader, moved, of the lock at ``address``.

    Never by its name: two locks may be in their bootloaders at once. Nor by its address
    alone, which may be that of the lock next door.
    """
    return seen.address == bootloader_address(address) and SERVICE in seen.service_uuids


class NordicDfuTransport(FirmwareTransport):
    """Brings a DFU artifact to one lock."""

    def __init__(
        self,
        radio: Radio,
        address: str,
        name: str,
        *,
        asked: bool = True,
        pace: Pace | None = None,
    ) -> None:
        """Prepare for the lock that advertises at ``address``.

        ``asked`` tells that its application was asked just now, and may be sent to its
        bootloader. Without that, only a bootloader that waits there already is used.
        ``pace`` is what is known of how it takes objects, and learns more.
        """
        self._radio = radio
        self._address = address.upper()
        self._name = name
        self._asked = asked
        self._pace = pace or Pace()
        self._away = not asked
        """Whether the lock may have left its application."""
        self._heard_before = False

    @override
    async def transfer(
        self,
        artifact: VerifiedArtifact,
        progress: ProgressCallback,
        about_to_activate: AboutToActivate = nobody_waits,
        about_to_touch: AboutToTouch = nobody_waits,
    ) -> TransferReport:
        """Send the artifact; see ``FirmwareTransport``.

        Raises ``TransportError``, among others with IN_APPLICATION where the lock was
        not asked, and runs its application.
        """
        artifact.check()
        sender = Sender(
            artifact, progress, about_to_activate, once(about_to_touch), self._pace
        )
        return await send(
            sender,
            len(artifact.firmware),
            self._name,
            partial(self._send_on_one_connection, sender),
            partial(self._may_go_on, sender),
        )

    def _may_go_on(self, sender: Sender, err: TransportError) -> bool:
        """Return whether another connection may help."""
        if err.reason in BROKEN_OFF or sender.may_be_remembered_wrong(err):
            return True
        return self._away and err.reason in _OUT_OF_REACH

    async def _send_on_one_connection(self, sender: Sender, counters: Counters) -> None:
        address = await self._find_bootloader(sender)
        if address is None:
            return
        async with BootloaderLink.open(
            self._radio, address, self._name, counters
        ) as link:
            try:
                await sender.run(link)
            except (asyncio.CancelledError, TransportError) as err:
                # A lock in its bootloader is a door that does not open. Where going
                # on makes no sense, the old firmware is better than waiting there.
                if not (
                    isinstance(err, TransportError) and self._may_go_on(sender, err)
                ):
                    await link.abort()
                raise

    async def _find_bootloader(self, sender: Sender) -> str | None:
        """Return the address of the lock's bootloader; take it there if need be.

        None where the last EXECUTE was sent and no bootloader is there any more: it was
        accepted, or the lock has restarted. What it runs now the caller finds out.

        Anybody near can advertise a bootloader: as long as nobody has sent this lock
        there, none is looked for at another address than its own.
        """
        if self._away:
            heard = await self._hear(activating=sender.activating)
            if heard is None and not sender.activating:
                raise TransportError(TransportProblem.BOOTLOADER_NOT_FOUND)
            if heard != self._address:
                return heard
        lost = asyncio.Event()
        client = await connect_to_what_serves(
            self._radio,
            self._address,
            name=self._name,
            disconnected=lost.set,
            # What would end it, or begin it anew, is no old memory.
            serves=_is_bootloader if self._away else _has_way_in,
        )
        try:
            if find_characteristic(client, CONTROL_POINT):
                if self._asked and not self._away:
                    # Not where it answered just now, and not because of us.
                    raise TransportError(TransportProblem.IN_BOOTLOADER)
                return self._address
            if sender.activating:
                return None
            if not self._asked:
                raise TransportError(TransportProblem.IN_APPLICATION)
            bonded = await self._enter_bootloader(client, lost, sender.about_to_touch)
        finally:
            await close(client)
        return await self._await_bootloader(bonded=bonded)

    async def _hear(self, *, activating: bool) -> str | None:
        """Return the address that the lock advertises at, if it is heard.

        Where nobody has asked it yet, or it may have started its firmware, what its
        application advertises counts more than a bootloader.
        """
        heard = await hear(
            self._radio,
            lambda seen: (
                seen.address == self._address or is_bootloader_of(self._address, seen)
            ),
            AWAY_TIMEOUT,
        )
        if heard is None:
            return None
        if not activating and (self._asked or self._heard_before):
            return heard.address
        self._heard_before = True
        application = await hear(
            self._radio, lambda seen: seen.address == self._address, APPLICATION_TIMEOUT
        )
        return (application or heard).address

    async def _enter_bootloader(
        self, client: GattClient, lost: asyncio.Event, about_to_touch: AboutToTouch
    ) -> bool:
        """Ask the application to restart into the bootloader.

        Return whether its bootloader stays at the application's address.
        """
        bonded = find_characteristic(client, BUTTONLESS_BONDED)
        buttonless = bonded or find_characteristic(client, BUTTONLESS_UNBONDED)
        if buttonless is None:
            if self._away:
                # We have sent it away, and neither application nor bootloader is back.
                raise TransportError(TransportProblem.OTHER_BOOTLOADER)
            if find_characteristic(client, BUTTONLESS_EXPERIMENTAL):
                raise TransportError(TransportProblem.INSECURE_BUTTONLESS)
            raise TransportError(TransportProblem.NOT_UPDATABLE)
        await about_to_touch()
        answers = Inbox[bytes]()

        def answered(_: BleakGATTCharacteristic, data: bytearray) -> None:
            answers.add(bytes(data))

        async with link_errors("enter_bootloader", BUTTONLESS_TIMEOUT):
            if bonded:
                await bond(self._radio, client)
            await with_bond(
                self._radio,
                client,
                partial(client.start_notify, buttonless, answered),
            )
        self._away = True
        try:
            async with link_errors("enter_bootloader", BUTTONLESS_TIMEOUT):
                await with_bond(
                    self._radio,
                    client,
                    partial(
                        client.write_gatt_char,
                        buttonless,
                        ENTER_BOOTLOADER,
                        response=True,
                    ),
                )
        except TransportError:
            if not lost.is_set():
                raise
        await self._await_restart(answers, lost)
        return bonded is not None

    @staticmethod
    async def _await_restart(
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

    async def _await_bootloader(self, *, bonded: bool) -> str:
        """Wait until the bootloader advertises and return its address.

        A bonded one is at the application's, and who answers there connecting shows.
        """

        def is_expected(seen: Advertisement) -> bool:
            if bonded:
                return seen.address == self._address
            return is_bootloader_of(self._address, seen)

        try:
            return (await self._radio.find(is_expected, JUMP_TIMEOUT)).address
        except TimeoutError as err:
            raise TransportError(TransportProblem.BOOTLOADER_NOT_FOUND) from err


def _is_bootloader(client: GattClient) -> bool:
    return find_characteristic(client, CONTROL_POINT) is not None


def _has_way_in(client: GattClient) -> bool:
    """Return whether a lock runs its application, and shows a way into its bootloader."""
    ways = (BUTTONLESS_BONDED, BUTTONLESS_UNBONDED, BUTTONLESS_EXPERIMENTAL)
    return any(find_characteristic(client, way) for way in ways)
