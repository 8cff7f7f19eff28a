"""A boot loader on the bench: images in its slots, power or none, no radio between."""

from collections.abc import Callable
from functools import cache

from tests.rig.dfu_package import generate_key
from tests.rig.flash import PowerLost
from tests.rig.image import Behaviour, make_image
from tests.rig.mcuboot_bootloader import McubootBootloader
from tests.rig.mcuboot_check import SlotImage
from tests.rig.mcuboot_flash import SECTOR, McubootFlash
from tests.rig.mcuboot_image import make_mcuboot_image
from tests.rig.mcuboot_trailer import Trailer, set_pending

KEY = generate_key()
OLD, NEW = "1.0.0", "1.1.0"
SECTORS = 8


@cache
def image_of(
    version: str,
    size: int = 6000,
    *,
    security_counter: int | None = None,
    behaviour: Behaviour = Behaviour.WELL,
) -> bytes:
    """Return the signed image of a version."""
    return make_mcuboot_image(
        make_image(version, size, 1, behaviour=behaviour),
        key=KEY,
        version=version,
        security_counter=security_counter,
    )


class Board:
    """A processor with its flash, and a finger on the switch."""

    def __init__(
        self,
        old: bytes | None = None,
        *,
        boot_loader: type[McubootBootloader] = McubootBootloader,
        prevents_downgrade: bool = False,
        counts_security: bool = False,
        sectors: int = SECTORS,
    ) -> None:
        """Flash the old image at the factory."""
        self.flash = McubootFlash(old or image_of(OLD), sectors=sectors)
        self.bootloader = boot_loader(
            self.flash,
            public_key=KEY.public_key(),
            prevents_downgrade=prevents_downgrade,
            counts_security=counts_security,
        )
        self.seconds = 0.0
        """How long the last start took."""
        self.losses = 0

    @property
    def seen(self) -> McubootFlash:
        """The flash as the application sees it."""
        return self.bootloader.application_flash

    def boot(self) -> SlotImage | None:
        """Start; after each loss of power, start again."""
        while True:
            self.seconds = 0.0
            steps = self.bootloader.boot()
            try:
                while True:
                    self.seconds += next(steps)
            except StopIteration as booted:
                image: SlotImage | None = booted.value
                return image
            except PowerLost:
                self.losses += 1

    def runs(self) -> str | None:
        """Start, and return the version that runs."""
        image = self.boot()
        return None if image is None else image.version_text

    def put(self, image: bytes) -> None:
        """Write an image into slot 1, as an upload does it. Raises ``PowerLost``."""
        slot = self.seen.secondary
        for sector in range(-(-len(image) // SECTOR)):
            slot.erase(sector)
        slot.erase(slot.sectors - 1)
        padded = image + b"\xff" * (-len(image) % 4)
        for offset in range(0, len(padded), 512):
            slot.write(offset, padded[offset : offset + 512])

    def stage(self, image: bytes, *, permanent: bool = False) -> None:
        """Write an image into slot 1, and have it tried at the next start."""
        self.put(image)
        set_pending(self.seen, permanent=permanent)

    def holds(self, slot: int, image: bytes) -> bool:
        """Return whether a slot has the very bytes of an image, wherever it begins."""
        places = [self.flash.slots[slot], self.seen.slots[slot]]
        return any(place.read(0, len(image)) == image for place in places)

    def operations(self, do: Callable[[], object]) -> int:
        """Return how many writes and erases something takes."""
        before = self.flash.operations.count
        do()
        return self.flash.operations.count - before

    @property
    def trailers(self) -> tuple[Trailer, Trailer]:
        """The trailers of both slots."""
        return Trailer(self.flash.primary), Trailer(self.flash.secondary)
