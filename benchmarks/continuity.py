"""How long it takes to find out whether two packages have the same signer.

    .venv/bin/python -m benchmarks.continuity

Processor time of this machine, the median of 50 runs each. A recovery of public keys is
arithmetic in plain Python; the rest is taking the packages apart, hashing and verifying.
"""

from collections.abc import Callable
from functools import partial
import hashlib
from statistics import median
import sys
from time import perf_counter

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from custom_components.nightlatch.core.firmware.continuity import Ran, same_signer
from custom_components.nightlatch.core.firmware.p256_recovery import recover_keys
from tests.rig.dfu_package import generate_key, make_package
from tests.rig.image import make_image
from tests.rig.mcuboot_image import make_mcuboot_image

from .shape import Found, Row, Table, main

RUNS = 50
SIZE = 250_000
SCHEME = ec.ECDSA(hashes.SHA256())


def milliseconds(call: Callable[[], object], times: int) -> float:
    """Return how long something takes, in the middle of many times."""
    took = []
    for _ in range(times):
        started = perf_counter()
        call()
        took.append(perf_counter() - started)
    return median(took) * 1_000


def run(short: bool) -> Found:
    """Measure all; for a quick look fewer times."""
    times = RUNS // 10 if short else RUNS
    key = generate_key()
    signature = key.sign(b"firmware", SCHEME)
    r, s = decode_dss_signature(signature)
    digest = hashlib.sha256(b"firmware").digest()
    public = key.public_key()
    firmware = [make_image(str(number), SIZE, seed=number) for number in (1, 2)]
    of_firmware = key.sign(firmware[0], SCHEME)
    packages = [make_package(each, key=key) for each in firmware]
    images = [make_mcuboot_image(each, key=key) for each in firmware]
    rows = [
        Row(
            name="one recovery",
            figures={"ms": milliseconds(lambda: recover_keys(r, s, digest), times)},
            baseline=milliseconds(
                lambda: public.verify(signature, b"firmware", SCHEME), times
            ),
        )
    ]
    whole = milliseconds(lambda: public.verify(of_firmware, firmware[0], SCHEME), times)
    for name, (before, after) in (("DFU packages", packages), ("images", images)):
        ran = [Ran(data=before)]
        took = milliseconds(partial(same_signer, ran, after), times)
        rows.append(
            Row(
                name=f"two {name} of {SIZE // 1000} kB",
                figures={"ms": took},
                baseline=whole,
            )
        )
    table = Table(
        name="Whether two files have the same signer",
        of="verifying one signature of as much, with its key",
        rows=rows,
    )
    return Found(tables=[table])


if __name__ == "__main__":
    sys.exit(main(__doc__, run))
