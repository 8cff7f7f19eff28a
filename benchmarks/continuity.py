"""How long it takes to find out whether two packages have the same signer.

    .venv/bin/python -m benchmarks.continuity

Processor time of this machine, the median of 50 runs each. A recovery of public keys is
arithmetic in plain Python; the rest is taking the packages apart, hashing and verifying.
"""

from collections.abc import Callable
import hashlib
from statistics import median
from time import perf_counter

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from custom_components.nightlatch.core.firmware.continuity import Ran, same_signer
from custom_components.nightlatch.core.firmware.p256_recovery import recover_keys
from tests.rig.dfu_package import generate_key, make_package
from tests.rig.image import make_image
from tests.rig.mcuboot_image import make_mcuboot_image

RUNS = 50
SIZE = 250_000


def milliseconds(call: Callable[[], object]) -> float:
    """Return how long something takes, in the middle of many times."""
    times = []
    for _ in range(RUNS):
        started = perf_counter()
        call()
        times.append(perf_counter() - started)
    return median(times) * 1_000


def main() -> None:
    """Print the figures."""
    key = generate_key()
    r, s = decode_dss_signature(key.sign(b"firmware", ec.ECDSA(hashes.SHA256())))
    digest = hashlib.sha256(b"firmware").digest()
    firmware = [make_image(str(number), SIZE, seed=number) for number in (1, 2)]
    packages = [make_package(each, key=key) for each in firmware]
    images = [make_mcuboot_image(each, key=key) for each in firmware]
    print(
        f"one recovery          {milliseconds(lambda: recover_keys(r, s, digest)):6.1f} ms"
    )
    for name, (before, after) in (("DFU packages", packages), ("images", images)):
        took = milliseconds(lambda: same_signer([Ran(data=before)], after))  # noqa: B023
        print(f"two {name:<12} {SIZE // 1000} kB {took:6.1f} ms")


if __name__ == "__main__":
    main()
