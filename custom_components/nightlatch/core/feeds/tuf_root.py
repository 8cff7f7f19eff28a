"""What the root of a TUF repository says, shown to the owner before it is trusted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
import hashlib
from typing import Final

from securesystemslib.signer import Key
from tuf.api.exceptions import RepositoryError, UnsignedMetadataError
from tuf.api.metadata import Metadata, Root

from ..errors import FeedError, FeedProblem
from ..phrase import Phrase
from .tuf_keys import Fingerprint, fingerprint, public_part, unknown_kind

MAX_ROOT: Final = 512_000
"""Bytes; the size at which a TUF client stops reading, too."""
NO_METADATA: Final = "it is no TUF metadata"
OTHER_ROLE: Final = "it is the metadata of another role"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSummary:
    """Who may sign for a role."""

    fingerprints: tuple[Fingerprint, ...]
    """Sorted."""
    threshold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RootSummary:
    """What an owner compares with what the vendor has published elsewhere."""

    version: int
    expires: datetime
    sha256: str
    """Over the file, hexadecimal, lower case."""
    roles: Mapping[str, RoleSummary]
    """By name: ``root``, ``timestamp``, ``snapshot``, ``targets``."""


def inspect_root(data: bytes, now: datetime) -> RootSummary:
    """Read a root that nobody has vouched for yet.

    Reading keys takes a few milliseconds. Raises ``FeedError``: ROOT_INVALID, or
    KEY_TOO_NEW for one with a key of a kind that is not known.
    """
    if len(data) > MAX_ROOT:
        raise _invalid("it has more than {maximum} bytes", maximum=MAX_ROOT)
    try:
        metadata = Metadata[Root].from_bytes(data)
    except RepositoryError as err:
        if (kind := unknown_kind(data)) is not None:
            raise FeedError(FeedProblem.KEY_TOO_NEW, role=Root.type, kind=kind) from err
        raise _invalid(NO_METADATA) from err
    root = metadata.signed
    # The type parameter of Metadata is a wish, not a check.
    if not isinstance(root, Root):
        raise _invalid(OTHER_ROLE)
    try:
        root.verify_delegate(Root.type, metadata.signed_bytes, metadata.signatures)
    except UnsignedMetadataError as err:
        raise _invalid("too few of its own keys have signed it") from err
    except RepositoryError as err:
        raise _invalid("it cannot be put in canonical form") from err
    if root.is_expired(now):
        raise _invalid("it expired on {date}", date=root.expires.date())
    return RootSummary(
        version=root.version,
        expires=root.expires,
        sha256=hashlib.sha256(data).hexdigest(),
        roles={name: _role(root, name) for name in sorted(root.roles)},
    )


def _role(root: Root, name: str) -> RoleSummary:
    role = root.roles[name]
    keys = [root.keys[key_id] for key_id in role.keyids if key_id in root.keys]
    if len(keys) < role.threshold:
        raise _invalid("its role {name} has fewer keys than must sign", name=name)
    # TUF counts key ids. One key under two ids would sign for two.
    if len({_essence(key) for key in keys}) < len(keys):
        raise _invalid("its role {name} has the same key twice", name=name)
    return RoleSummary(
        fingerprints=tuple(sorted(fingerprint(key) for key in keys)),
        threshold=role.threshold,
    )


def _essence(key: Key) -> str:
    """Return what stays of a key whatever the spaces or the case of its writing."""
    return "".join(public_part(key).split()).lower()


def _invalid(template: str, **values: object) -> FeedError:
    return FeedError(FeedProblem.ROOT_INVALID, problem=Phrase(template, **values))
