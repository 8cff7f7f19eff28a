"""Who has signed files of a maker that publishes no key, as far as the files show it."""

from collections import Counter
from collections.abc import Mapping
import hashlib

from custom_components.nightlatch.core.firmware.continuity import possible_signers
from custom_components.nightlatch.core.model import FirmwareKey

from .problem import FeedToolError


def shown_keys(
    files: Mapping[str, bytes], known: tuple[FirmwareKey, ...]
) -> tuple[FirmwareKey, ...]:
    """Return the keys that some files, by their names, were signed with.

    A DFU package leaves two keys that may be its signer's; of two packages of one signer
    only that one's is the same. ``known`` are keys that the maker publishes. Raises
    ``FeedToolError`` where a file does not show one key, and ``FirmwareError`` where it
    cannot be read.
    """
    # The same file twice shows nothing.
    different = {
        hashlib.sha256(data).hexdigest(): (name, data) for name, data in files.items()
    }
    possible = {name: possible_signers(data) for name, data in different.values()}
    seen = Counter(key for keys in possible.values() for key in keys)
    found: dict[str, FirmwareKey] = {}
    for name, keys in possible.items():
        if not keys:
            raise FeedToolError(
                f"{name} does not show who has signed it. Say the public key that its"
                " maker publishes, with --firmware-key."
            )
        mine = [key for key in keys if key in known or len(keys) == 1]
        mine = mine or [key for key in keys if seen[key] > 1]
        if len(mine) != 1:
            raise FeedToolError(
                f"{name} alone leaves two keys that may be its signer's. Say another"
                " release of the same maker with --signer-of, or the public key that it"
                " publishes with --firmware-key."
            )
        found[mine[0].fingerprint] = mine[0]
    return tuple(found.values())
