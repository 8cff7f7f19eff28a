"""A vendor and its locks, as the demo and the tests of the whole use them."""

from typing import Any

from .bootloader import Flash, SecureDfuBootloader
from .dfu_package import make_package
from .image import Behaviour, make_image
from .lock import VirtualLock
from .mcuboot_bootloader import McubootBootloader
from .mcuboot_flash import McubootFlash
from .mcuboot_image import make_mcuboot_image
from .mcuboot_lock import VirtualMcubootLock
from .mcuboot_offset import OffsetBootloader
from .nordic_generations import Generation
from .vendor import Vendor

MODEL = "KL-1"
WATCHED_MODEL = "KL-C"
MCUBOOT_MODEL = "KM-1"
HARDWARE_REVISION = "B"
HARDWARE_VERSION = 52
VENDOR = "Kestrel Locks"
MODELS = (
    {
        "model": MODEL,
        "name": "Kestrel One",
        "version_scheme": "dotted",
        "bluetooth": {"local_name": "Kestrel*"},
    },
    {
        "model": WATCHED_MODEL,
        "name": "Kestrel Cellar",
        "version_scheme": "dotted",
    },
)
MCUBOOT_MODELS = (
    {
        "model": MCUBOOT_MODEL,
        "name": "Kestrel Motor",
        "version_scheme": "dotted",
        "bluetooth": {"local_name": "Kestrel Motor*"},
    },
)
"""Beside ``MODELS``, where a vendor has locks with MCUboot too."""
IMAGE_SIZE = 98_032
SECURITY_COUNTER = 1

NOTES = """\
## What is new

* The bolt no longer counts a slow latch as a jam.
* Pairing asks for the code on the lock, closing a hole through which a neighbour
  could pair unseen.
"""


def firmware_version(version: str) -> int:
    """Return the number that the vendor gives a version in its init packets."""
    major, minor, patch = (int(part) for part in version.partition("+")[0].split("."))
    return major * 10_000 + minor * 100 + patch


def make_firmware(version: str) -> bytes:
    """Return the firmware of a version."""
    return make_image(version, IMAGE_SIZE, seed=firmware_version(version))


def make_lock(
    vendor: Vendor,
    address: str,
    *,
    version: str = "1.0.0",
    single_bank: bool = False,
    generation: Generation = Generation.SDK_15,
    **options: Any,
) -> VirtualLock:
    """Build a lock of this vendor and put in its batteries.

    With ``single_bank`` it has room for one application only; ``generation`` is what its
    bootloader was built with.
    """
    lock = VirtualLock(
        address,
        SecureDfuBootloader(
            Flash(
                application=bytearray(make_firmware(version)),
                application_version=firmware_version(version),
                backed_up=generation is Generation.SDK_15,
            ),
            public_key=vendor.firmware_key.public_key(),
            hw_version=HARDWARE_VERSION,
            single_bank=single_bank,
            generation=generation,
        ),
        **{
            "name": "Kestrel One",
            "manufacturer": VENDOR,
            "model": MODEL,
            "hardware_revision": HARDWARE_REVISION,
            **options,
        },
    )
    lock.restore_power()
    return lock


def make_mcuboot_firmware(
    vendor: Vendor,
    version: str,
    *,
    size: int = IMAGE_SIZE,
    security_counter: int | None = SECURITY_COUNTER,
    behaviour: Behaviour = Behaviour.WELL,
    **knobs: Any,
) -> bytes:
    """Return the signed image of a version, with so many bytes of firmware in it."""
    firmware = make_image(
        version, size, seed=firmware_version(version), behaviour=behaviour
    )
    return make_mcuboot_image(
        firmware,
        **{
            "key": vendor.image_key,
            "version": version,
            "security_counter": security_counter,
            **knobs,
        },
    )


def make_mcuboot_lock(
    vendor: Vendor,
    address: str,
    *,
    version: str = "1.0.0",
    size: int = IMAGE_SIZE,
    prevents_downgrade: bool = False,
    counts_security: bool = False,
    bootloader: type[McubootBootloader] = OffsetBootloader,
    **options: Any,
) -> VirtualMcubootLock:
    """Build a lock of this vendor that has MCUboot, and put in its batteries."""
    lock = VirtualMcubootLock(
        address,
        bootloader(
            McubootFlash(make_mcuboot_firmware(vendor, version, size=size)),
            public_key=vendor.image_key.public_key(),
            prevents_downgrade=prevents_downgrade,
            counts_security=counts_security,
        ),
        **{
            "name": "Kestrel Motor",
            "manufacturer": VENDOR,
            "model": MCUBOOT_MODEL,
            "hardware_revision": HARDWARE_REVISION,
            **options,
        },
    )
    lock.restore_power()
    return lock


def release_fields(version: str, **fields: Any) -> dict[str, Any]:
    """Return what the feed says of a version."""
    return {
        "vendor": VENDOR,
        "version": version,
        "hardware_revisions": [HARDWARE_REVISION],
        "payload": {
            "format": "nordic-dfu",
            "hardware_version": HARDWARE_VERSION,
            "firmware_version": firmware_version(version),
        },
        "minimum_battery": 40,
        "expected_duration": 120,
        "disrupts": ["bluetooth", "auto_lock"],
        "release_notes": NOTES,
        "severity": "high",
        "advisories": [{"id": "KL-2026-07"}],
        **fields,
    }


def make_release(vendor: Vendor, version: str) -> bytes:
    """Return the signed package of a version."""
    return make_package(
        make_firmware(version),
        key=vendor.firmware_key,
        fw_version=firmware_version(version),
        hw_version=HARDWARE_VERSION,
    )


def publish(
    vendor: Vendor, version: str, *, package: bytes | None = None, **fields: Any
) -> str:
    """Release a version; return its path in the feed."""
    path = f"{MODEL.lower()}/{version}.zip"
    if package is None:
        package = make_release(vendor, version)
    vendor.release(path, package, **release_fields(version, **fields))
    return path


def publish_mcuboot(
    vendor: Vendor,
    version: str,
    *,
    image: bytes | None = None,
    security_counter: int | None = SECURITY_COUNTER,
    behaviour: Behaviour = Behaviour.WELL,
    **fields: Any,
) -> str:
    """Release a version for the locks with MCUboot; return its path in the feed."""
    path = f"{MCUBOOT_MODEL.lower()}/{version.replace('+', '_')}.bin"
    if image is None:
        image = make_mcuboot_firmware(
            vendor, version, security_counter=security_counter, behaviour=behaviour
        )
    payload = {"format": "mcuboot", "security_counter": security_counter or 0}
    fields = {"model": MCUBOOT_MODEL, "payload": payload, **fields}
    vendor.release(path, image, **release_fields(version, **fields))
    return path


def publish_by_hand(vendor: Vendor, version: str, **fields: Any) -> str:
    """Release a version that a person installs with the vendor's app."""
    path = f"{WATCHED_MODEL.lower()}/{version}.txt"
    fields = {"model": WATCHED_MODEL, "payload": {"format": "by-hand"}, **fields}
    text = f"{VENDOR}: firmware {version} is installed by the app."
    vendor.release(path, text.encode(), **release_fields(version, **fields))
    return path


def watched_form(name: str, **fields: Any) -> dict[str, Any]:
    """Return what a person says of a lock that only they can update."""
    form = lock_form(name, **fields)
    return {key: form[key] for key in form if key not in {"updates", "own_quiet_hours"}}


def lock_form(name: str, **fields: Any) -> dict[str, Any]:
    """Return what a person says of a lock whose door has no sensor.

    ``fields`` go where the form has them: on its first page or in a section.
    """
    form: dict[str, Any] = {
        "name": name,
        "door": {"no_door_sensor": True, "second_entry": True, "importance": "side"},
        "updates": {
            "mode": "ask",
            "consent": False,
            "approval": "none",
            "may_move_bolt": False,
        },
        "own_quiet_hours": {
            "own": False,
            "weekdays": ["0", "1", "2", "3", "4", "5", "6"],
            "start": "02:00:00",
            "end": "05:00:00",
        },
    }
    if "door_entity" in fields:
        form["door"]["no_door_sensor"] = False
        form["door"]["door_entity"] = fields.pop("door_entity")
    if "soak_days" in fields:
        form["updates"]["soak_days"] = fields.pop("soak_days")
    for key, value in fields.items():
        for place in (form["door"], form["updates"], form["own_quiet_hours"]):
            if key in place:
                place[key] = value
                break
        else:
            form[key] = value
    return form
