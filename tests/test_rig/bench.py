"""A bootloader on the bench: requests in, answers out, no radio between."""

import asyncio
from collections.abc import Callable, Iterator

from cryptography.hazmat.primitives.asymmetric import ec

from tests.rig.bootloader import Flash, Generation, SecureDfuBootloader
from tests.rig.image import make_image

HW_VERSION = 52
FW_VERSION = 7
"""Of the application that runs already."""
FULL_PACKET = 244
OLD_IMAGE = make_image("1.0.0", 2048, 1)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """Cut data into pieces."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


def u32(value: int) -> str:
    """Return a number as it stands in a request, in hexadecimal."""
    return value.to_bytes(4, "little").hex()


class Bench:
    """The host of a bootloader; notes what it says."""

    def __init__(
        self,
        key: ec.EllipticCurvePrivateKey,
        *,
        softdevice: int | None = None,
        debug_build: bool = False,
        bank_size: int = 512 * 1024,
        generation: Generation = Generation.SDK_15,
    ) -> None:
        """Start a bootloader."""
        self.flash = Flash(bytearray(OLD_IMAGE), FW_VERSION)
        self.bootloader = SecureDfuBootloader(
            self.flash,
            public_key=key.public_key(),
            hw_version=HW_VERSION,
            softdevice=softdevice,
            debug_build=debug_build,
            bank_size=bank_size,
            generation=generation,
        )
        # Nothing takes time here.
        self.bootloader.hold_buffers()
        self.answers: list[str] = []
        self.resets = 0
        self.silences: list[float] = []
        """For how many seconds the radio rested, each time."""
        self._timers: list[asyncio.TimerHandle] = []
        self.bootloader.start(self)

    def answer(self, data: bytes) -> None:
        """Note an answer."""
        self.answers.append(data.hex())

    def reset(self) -> None:
        """Restart, which leads back to the bootloader unless an image is accepted."""
        self.resets += 1
        self.bootloader.stop()
        if not self.flash.activate:
            self.bootloader.start(self)

    def later(self, delay: float, do: Callable[[], None]) -> asyncio.TimerHandle:
        """Do something later."""
        timer = asyncio.get_running_loop().call_later(delay, do)
        self._timers.append(timer)
        return timer

    def judged(self) -> None:
        """Go on."""

    def noted(self) -> None:
        """Restart."""
        self.reset()

    def fall_silent(self, seconds: float) -> None:
        """Note that the radio rests."""
        self.silences.append(seconds)

    def restart(self) -> None:
        """Take the power away and give it back."""
        self.bootloader.stop()
        self.bootloader.start(self)

    def close(self) -> None:
        """Stop the bootloader."""
        self.bootloader.stop()
        for timer in self._timers:
            timer.cancel()

    def ask(self, request: str) -> str:
        """Send a request and return the answers that it has brought, in hexadecimal."""
        self.answers.clear()
        self.bootloader.request(bytes.fromhex(request))
        return " ".join(self.answers)

    def send(self, data: bytes, *, size: int = FULL_PACKET) -> None:
        """Send packets."""
        for piece in pieces(data, size):
            self.bootloader.packet(piece)

    def send_init_packet(self, packet: bytes) -> str:
        """Send an init packet in one object; return the answer to EXECUTE."""
        assert self.ask("0101" + u32(len(packet))) == "600101"
        self.send(packet)
        return self.ask("04")

    def send_object(self, data: bytes) -> str:
        """Send a data object; return the answer to EXECUTE."""
        assert self.ask("0102" + u32(len(data))) == "600101"
        self.send(data)
        return self.ask("04")
