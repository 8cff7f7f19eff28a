"""SMP over Bluetooth LE: from a lock that works to one that tries its new firmware.

The application of the lock takes the image into its second slot and goes on working.
MCUboot starts it at the next restart, and goes back at the one after that unless the
image was confirmed in between (MCUboot, docs/design.md, "Image swap type"). A lock that
cannot go back by itself gets nothing: that a new firmware works could be proven only
when it is too late.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
import logging
from typing import override

from ..errors import TransportError, TransportProblem
from ..firmware.verify import VerifiedArtifact
from .base import (
    AboutToActivate,
    AboutToTouch,
    Counters,
    FirmwareTransport,
    ProgressCallback,
    Radio,
    TransferReport,
    nobody_waits,
    once,
)
from .sending import BROKEN_OFF, OUT_OF_REACH, RECONNECT_DELAY, send
from .smp_link import SmpLink
from .smp_protocol import GOES_BACK, BootMode, Slot, SmpError, garbled
from .smp_upload import Upload

_LOGGER = logging.getLogger(__name__)

# For a question that takes a moment.
ATTEMPTS = 3
# What keeps a lock from restarting, a motor that moves or a door that is open, is over
# after a while.
BUSY_PATIENCE = 180.0
BUSY_PAUSE = 10.0
# MCUboot needs a trailer of a slot, and a sector to swap by (docs/design.md, "Swap using
# move"): hardly more than so many bytes.
_RESERVED = 16 * 1024
# Firmware may restart by itself once an image waits for it.
RESTARTS_BY_ITSELF = 30.0
# Firmware that has just started may take its time until it lets itself be updated.
SERVER_PATIENCE = 180.0
SERVER_PAUSE = 5.0
# So may what has restarted just before it is first connected to, after a minute as was
# seen; but it may also be a lock that never does.
UNSEEN_PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningImage:
    """The image that a lock runs."""

    hash: bytes
    """As in ``VerifiedArtifact.image_hash``; empty where the lock does not tell it."""
    version: str
    confirmed: bool
    """Whether it stays; else the lock goes back at its next restart."""


class SmpTransport(FirmwareTransport):
    """Brings an image to one lock, lets it try it, and keep it or go back."""

    def __init__(self, radio: Radio, address: str, name: str) -> None:
        """Prepare for the lock that advertises at ``address``."""
        self._radio = radio
        self._address = address.upper()
        self._name = name

    @override
    async def transfer(
        self,
        artifact: VerifiedArtifact,
        progress: ProgressCallback,
        about_to_activate: AboutToActivate = nobody_waits,
        about_to_touch: AboutToTouch = nobody_waits,
    ) -> TransferReport:
        """Send the artifact and let the lock try it; see ``FirmwareTransport``.

        Nothing is sent again that the lock has already, and nothing happens where it runs
        the image. Raises ``TransportError``, among others with CANNOT_TRY where the lock
        could not go back, OTHER_UPDATE where it is at something else, and REVERTED where
        its boot loader does not take the image.
        """
        artifact.check()
        delivery = _Delivery(
            self._name, artifact, progress, about_to_activate, once(about_to_touch)
        )
        return await send(
            delivery.upload,
            len(artifact.firmware),
            self._name,
            partial(self._deliver, delivery),
            lambda err: (
                err.reason in BROKEN_OFF or delivery.upload.may_be_remembered_wrong(err)
            ),
        )

    async def _deliver(self, delivery: _Delivery, counters: Counters) -> None:
        """Deliver over one connection, as far as it goes."""

        async def run() -> None:
            async with self._link(counters, fast=True) as link:
                delivery.served = True
                await delivery.run(link)

        try:
            # What has let itself be updated does so again, once it has restarted.
            await _when_it_serves(
                run, lambda: SERVER_PATIENCE if delivery.served else UNSEEN_PATIENCE
            )
        except TransportError as err:
            # It has restarted; what it runs now the caller finds out.
            if not (delivery.upload.activating and err.reason in OUT_OF_REACH):
                raise

    async def running(self) -> RunningImage:
        """Return what the lock runs; raise ``TransportError``."""

        async def ask(link: SmpLink) -> RunningImage:
            slot = _running(await link.state())
            return RunningImage(
                hash=slot.hash, version=slot.version, confirmed=slot.confirmed
            )

        return await self._ask(ask)

    async def is_pending(self, artifact: VerifiedArtifact) -> bool:
        """Return whether the lock will try this image at its next restart.

        Raises ``TransportError``.
        """

        async def ask(link: SmpLink) -> bool:
            slot = _waiting(await link.state(), artifact.image_hash)
            return slot is not None and slot.pending

        return await self._ask_what_served(ask)

    async def waits_for_restart(self) -> bool:
        """Return whether the lock will try any image at its next restart.

        Raises ``TransportError``.
        """

        async def ask(link: SmpLink) -> bool:
            return any(slot.pending for slot in await link.state())

        # It may just have restarted, which is what this is asked for.
        return await self._ask_what_served(ask)

    async def confirm(self, artifact: VerifiedArtifact) -> None:
        """Let the lock keep this image, which it has to run; may be called again.

        Raises ``TransportError``, with REVERTED where it runs another one, and
        CANNOT_BE_KEPT where the new firmware does not let itself be told.
        """

        async def ask(link: SmpLink) -> None:
            running = _running(await link.state())
            if running.hash == artifact.image_hash and not running.confirmed:
                running = _running(await link.keep_running_image())
            if running.hash != artifact.image_hash:
                raise TransportError(TransportProblem.REVERTED)
            if not running.confirmed:
                raise TransportError(
                    TransportProblem.REJECTED, operation="confirm", code="unconfirmed"
                )

        await self._ask_new_firmware(ask)

    async def withdraw(self, artifact: VerifiedArtifact) -> bool:
        """Let the lock not try this image at its next restart.

        Return whether it would have. Raises ``TransportError``, with WAITS_FOR_RESTART
        where it still will.
        """
        waited = False

        async def ask(link: SmpLink) -> bool:
            nonlocal waited
            waiting = _waiting(await link.state(), artifact.image_hash)
            if waiting is None or not waiting.pending:
                return waited
            waited = True
            try:
                await link.erase()
            except SmpError as err:
                _LOGGER.debug("%s: does not take back: %s", self._name, err)
            waiting = _waiting(await link.state(), artifact.image_hash)
            if waiting is None or not waiting.pending:
                return True
            raise TransportError(
                TransportProblem.WAITS_FOR_RESTART, version=waiting.version
            )

        return await self._ask_what_served(ask)

    async def is_filled(self, artifact: VerifiedArtifact) -> bool:
        """Return whether the image leaves hardly any room in its slot.

        Then a boot loader that does not start it has none for itself. Raises
        ``TransportError``.
        """

        async def ask(link: SmpLink) -> bool:
            return _fills(await link.room(), len(artifact.firmware))

        return await self._ask_what_served(ask)

    async def take_back(self, artifact: VerifiedArtifact) -> None:
        """Let the lock restart, so that it goes back from this image to its old one.

        Nothing happens where it runs another image already. Returns when it has gone;
        what it runs then the caller finds out. Raises ``TransportError``, with
        ALREADY_KEPT where the image was confirmed, NOT_TAKEN_BACK where the lock does
        not restart, and CANNOT_BE_KEPT where it does not let itself be told.
        """
        restarting = False

        async def ask(link: SmpLink) -> None:
            nonlocal restarting
            running = _running(await link.state())
            if running.hash != artifact.image_hash:
                return
            if running.confirmed:
                raise TransportError(
                    TransportProblem.ALREADY_KEPT, version=running.version
                )
            restarting = True
            await _restart(link)

        try:
            await self._ask_new_firmware(ask)
        except TransportError as err:
            if err.reason is TransportProblem.RESTART_REFUSED:
                raise TransportError(TransportProblem.NOT_TAKEN_BACK) from err
            if not (restarting and err.reason in OUT_OF_REACH):
                raise

    def _link(
        self, counters: Counters | None = None, *, fast: bool = False
    ) -> AbstractAsyncContextManager[SmpLink]:
        return SmpLink.open(self._radio, self._address, self._name, counters, fast=fast)

    async def _ask_new_firmware(
        self, ask: Callable[[SmpLink], Awaitable[None]]
    ) -> None:
        """Ask firmware that has just started, when it lets itself be asked."""
        try:
            await self._ask_what_served(ask)
        except TransportError as err:
            if err.reason is not TransportProblem.NOT_UPDATABLE:
                raise
            raise TransportError(TransportProblem.CANNOT_BE_KEPT) from err

    async def _ask_what_served[T](self, ask: Callable[[SmpLink], Awaitable[T]]) -> T:
        """Ask a lock that has let itself be updated, which may have restarted since."""
        return await _when_it_serves(partial(self._ask, ask))

    async def _ask[T](self, ask: Callable[[SmpLink], Awaitable[T]]) -> T:
        """Ask the lock something that takes a moment, again if it is broken off."""
        attempt = 1
        while True:
            try:
                async with self._link() as link:
                    return await ask(link)
            except SmpError as err:
                raise err.as_transport_error() from err
            except TransportError as err:
                if attempt == ATTEMPTS or err.reason not in BROKEN_OFF:
                    raise
                _LOGGER.debug("%s: asking again after %s", self._name, err)
            attempt += 1
            await asyncio.sleep(RECONNECT_DELAY)


async def _when_it_serves[T](
    do: Callable[[], Awaitable[T]],
    patience: Callable[[], float] = lambda: SERVER_PATIENCE,
) -> T:
    """Do something that takes a lock which lets itself be updated, once it does so.

    Raises what it raises, in the end NOT_UPDATABLE, after so many seconds.
    """
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while True:
        try:
            return await do()
        except TransportError as err:
            if (
                err.reason is not TransportProblem.NOT_UPDATABLE
                or loop.time() > begun + patience()
            ):
                raise
        await asyncio.sleep(SERVER_PAUSE)


class _Delivery:
    """Brings one image to where the lock tries it, over as many links as it takes."""

    def __init__(
        self,
        name: str,
        artifact: VerifiedArtifact,
        progress: ProgressCallback,
        about_to_activate: AboutToActivate,
        about_to_touch: AboutToTouch,
    ) -> None:
        """Prepare; ``run`` does it."""
        assert artifact.image_hash, "an image of MCUboot has one"
        self._name = name
        self._hash = artifact.image_hash
        self._size = len(artifact.firmware)
        self._fills_slot = False
        """Whether the slot has hardly room for more than the image."""
        self._progress = progress
        self._about_to_activate = about_to_activate
        self._about_to_touch = about_to_touch
        self._goes_back = False
        self._mended = False
        self.upload = Upload(artifact, progress)
        self.served = False
        """Whether the lock has let itself be updated."""

    async def run(self, link: SmpLink) -> None:
        """Do what is left to do; raise ``TransportError``."""
        try:
            await self._run(link)
        except SmpError as err:
            raise err.as_transport_error() from err

    async def _run(self, link: SmpLink) -> None:
        slots = await link.state()
        if _running(slots).hash == self._hash:
            _LOGGER.debug("%s: runs this image already", self._name)
            await self._about_to_touch()
            self._progress(100)
            return
        waiting = _waiting(slots, self._hash)
        if self.upload.activating and (waiting is None or not waiting.pending):
            raise TransportError(TransportProblem.REVERTED)
        _check_free(slots, self._hash)
        if not self._goes_back:
            await self._check_fits(link)
            await self._check_goes_back(link, waiting)
            self._goes_back = True
        await self._about_to_touch()
        if waiting is None or not waiting.pending:
            await self._bring(link, seems_there=waiting is not None)
            waiting = await self._try(link)
        self._progress(100)
        if waiting.permanent:
            # Somebody else has told the lock to keep it, untried.
            raise TransportError(TransportProblem.OTHER_UPDATE, version=waiting.version)
        await self._about_to_activate()
        self.upload.activating = True
        await _restart(link)

    async def _check_goes_back(self, link: SmpLink, waiting: Slot | None) -> None:
        """Check before anything is sent that the lock can go back from what it tries."""
        mode = await link.boot_mode()
        if mode is not None:
            if mode not in GOES_BACK:
                raise _cannot_try(mode)
        elif waiting is None:
            # It does not tell. To try an image that it does not have changes nothing;
            # one that tries none does not even know the command (Zephyr, img_mgmt.c).
            try:
                await link.try_image(self._hash)
            except SmpError as err:
                if err.not_supported:
                    raise _cannot_try(None) from err

    async def _check_fits(self, link: SmpLink) -> None:
        """Check before anything is sent that the lock has room for the image."""
        room = await link.room()
        self._fills_slot = _fills(room, self._size)
        if room is not None and self._size > room:
            raise too_large(self._size)

    async def _bring(self, link: SmpLink, *, seems_there: bool) -> None:
        """Bring the image into the lock's second slot."""
        try:
            await self.upload.run(link, seems_there=seems_there)
        except TransportError as err:
            if self._fills_slot and err.reason is TransportProblem.LOCK_MEMORY:
                # Its end would stand where the boot loader keeps its notes.
                raise too_large(self._size) from err
            raise
        if _waiting(await link.state(), self._hash) is None:
            raise TransportError(
                TransportProblem.REJECTED_HASH, operation="upload", code="hash"
            )

    async def _try(self, link: SmpLink) -> Slot:
        """Let the lock try the image at its next restart."""
        refusal: SmpError | None = None
        try:
            slots = await link.try_image(self._hash)
        except SmpError as err:
            if err.not_supported:
                raise _cannot_try(None) from err
            refusal = err
            # The first answer may have got lost, and the second be that it is so already.
            slots = await link.state()
        waiting = _waiting(slots, self._hash)
        if waiting is not None and waiting.pending:
            return waiting
        if waiting is None and not self._mended:
            # The power went while the same was written before, so the lock has erased it
            # all (bootutil_public.c, boot_set_next).
            self._mended = True
            await self._bring(link, seems_there=False)
            return await self._try(link)
        if refusal is not None:
            raise refusal
        raise TransportError(
            TransportProblem.REJECTED, operation="write_state", code="not pending"
        )


async def _restart(link: SmpLink) -> None:
    """Let the lock restart, or do so by itself; return when it has gone.

    Raises ``TransportError``, with RESTART_REFUSED where it stays as it is.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + BUSY_PATIENCE
    while True:
        try:
            await link.reset()
        except SmpError as err:
            waits = err.busy and loop.time() < deadline
            if await link.is_gone(BUSY_PAUSE if waits else RESTARTS_BY_ITSELF):
                return
            if not waits:
                raise TransportError(
                    TransportProblem.RESTART_REFUSED, code=err.code
                ) from err
        else:
            return


def _fills(room: int | None, size: int) -> bool:
    return room is not None and size + _RESERVED > room


def too_large(size: int) -> TransportError:
    """Return the error for an image that a lock has no room for."""
    return TransportError(TransportProblem.TOO_LARGE_FOR_SLOT, size=size)


def _running(slots: Iterable[Slot]) -> Slot:
    for slot in slots:
        if slot.active:
            return slot
    raise garbled(b"no active slot")


def _waiting(slots: Iterable[Slot], image_hash: bytes) -> Slot | None:
    for slot in slots:
        if slot.hash == image_hash and not slot.active:
            return slot
    return None


def _check_free(slots: Iterable[Slot], image_hash: bytes) -> None:
    """Check that the lock neither tries, nor is about to try, other firmware."""
    for slot in slots:
        tries = slot.active and not slot.confirmed
        if tries or (slot.pending and slot.hash != image_hash):
            raise TransportError(TransportProblem.OTHER_UPDATE, version=slot.version)


def _cannot_try(mode: int | None) -> TransportError:
    try:
        name = "unknown" if mode is None else BootMode(mode).name.lower()
    except ValueError:
        name = str(mode)
    return TransportError(TransportProblem.CANNOT_TRY, mode=name)
