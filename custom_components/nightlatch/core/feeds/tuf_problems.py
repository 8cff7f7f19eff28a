"""What went wrong at a feed: the exceptions of tuf in the words of Nightlatch."""

from pathlib import Path
import re
from urllib.parse import unquote

from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    RepositoryError,
    UnsignedMetadataError,
)
from tuf.api.metadata import Metadata, Root, Signed, Snapshot, Timestamp

from ..errors import FeedError, FeedProblem
from .transfer import Transfers
from .tuf_keys import unknown_kind

_FILE_NAME = re.compile(r"(?:([0-9]+)\.)?(.+)\.json")


def explain(error: Exception, transfers: Transfers, metadata_dir: Path) -> FeedError:
    """Return the reason why a refresh has failed.

    Cached metadata that are no good make tuf ask for new ones, so an error of the
    repository is always about the file that was transferred last.
    """
    host = transfers.host
    match error:
        case DownloadError() if isinstance(error.__cause__, FeedError):
            return error.__cause__
        case DownloadHTTPError():
            return FeedError(
                FeedProblem.HTTP_STATUS,
                host=host,
                file=transfers.last,
                status=error.status_code,
            )
        case DownloadLengthMismatchError():
            return FeedError(FeedProblem.TOO_LARGE, host=host, file=transfers.last)
        case DownloadError():
            return FeedError(FeedProblem.UNREACHABLE, host=host, file=transfers.last)
        case ExpiredMetadataError():
            return _expired(transfers, metadata_dir)
        case OSError():
            return FeedError(
                FeedProblem.STORAGE, problem=error.strerror or type(error).__name__
            )
    role = _role(transfers.last)
    reason = _reason(error, transfers)
    if reason is FeedProblem.METADATA_INVALID:
        kind = unknown_kind(transfers.received.get(transfers.last, b""))
        if kind is not None:
            return FeedError(FeedProblem.KEY_TOO_NEW, role=role, kind=kind)
    return FeedError(reason, host=host, role=role)


def _reason(error: Exception, transfers: Transfers) -> FeedProblem:
    match error:
        case UnsignedMetadataError():
            return FeedProblem.UNSIGNED
        case LengthOrHashMismatchError():
            return FeedProblem.MIXED
        case BadVersionNumberError():
            return _version_reason(transfers)
    return FeedProblem.METADATA_INVALID


def _version_reason(transfers: Transfers) -> FeedProblem:
    """Tell old metadata from metadata that do not belong together.

    The number in a file's name is the version that was asked for, since other metadata
    name it.
    """
    match = _FILE_NAME.fullmatch(transfers.last)
    asked = int(match[1]) if match and match[1] else None
    version = _read(transfers.received[transfers.last]).version
    match _role(transfers.last):
        case Root.type:
            old = asked is not None and version < asked
            return FeedProblem.ROLLED_BACK if old else FeedProblem.METADATA_INVALID
        case Timestamp.type:
            return FeedProblem.ROLLED_BACK
        case Snapshot.type if version == asked:
            return FeedProblem.ROLLED_BACK
    return FeedProblem.MIXED


def _expired(transfers: Transfers, metadata_dir: Path) -> FeedError:
    """Find what has expired, in the order in which tuf looks."""
    bodies = {_role(name): body for name, body in transfers.received.items()}
    roles = dict.fromkeys([Root.type, Timestamp.type, Snapshot.type])
    roles[_role(transfers.last)] = None
    found = [
        (role, metadata)
        for role in roles
        if (metadata := _trusted_or_new(role, bodies, metadata_dir)) is not None
    ]
    # By the clock that tuf went by; the last one was looked at last.
    role, metadata = next((pair for pair in found if pair[1].is_expired()), found[-1])
    return FeedError(
        FeedProblem.EXPIRED,
        host=transfers.host,
        role=role,
        expired=metadata.expires.isoformat(),
    )


def _trusted_or_new(
    role: str, bodies: dict[str, bytes], metadata_dir: Path
) -> Signed | None:
    # A root is written when it is trusted, even if expired; what was transferred under
    # its name may be anything.
    if role in bodies and role != Root.type:
        return _read(bodies[role])
    try:
        return _read((metadata_dir / f"{role}.json").read_bytes())
    except OSError, RepositoryError:
        return None


def _read(body: bytes) -> Signed:
    signed: Signed = Metadata.from_bytes(body).signed
    return signed


def _role(file_name: str) -> str:
    """Return the role of a metadata file, ``7.targets.json`` being one of ``targets``."""
    match = _FILE_NAME.fullmatch(file_name)
    return unquote(match[2]) if match else file_name
