"""The errors of the ground floor.

Every error carries a reason out of a closed list and the values that a sentence about
it needs. The sentences themselves are translations; the upper storey finds them by the
reason, so no text for people is written here.
"""

from enum import StrEnum

from .phrase import Phrase


class NightlatchError(Exception):
    """Something that a person has to be told.

    ``reason`` names what happened; ``details`` are the values for the placeholders of
    its translation, already fit to be shown and free of secrets.
    """

    def __init__(self, reason: StrEnum, **details: str | float) -> None:
        """Keep the reason and the details."""
        self.reason = reason
        self.details: dict[str, str] = {
            key: value if isinstance(value, Phrase) else str(value)
            for key, value in details.items()
        }
        shown = ", ".join(f"{key}={value}" for key, value in self.details.items())
        super().__init__(f"{reason} ({shown})" if shown else str(reason))


class FeedProblem(StrEnum):
    """Why a feed could not be used."""

    # The way to the feed.
    URL_NOT_HTTPS = "feed_url_not_https"
    URL_INVALID = "feed_url_invalid"
    UNREACHABLE = "feed_unreachable"
    CERTIFICATE_INVALID = "feed_certificate_invalid"
    REDIRECTED = "feed_redirected"
    TOO_SLOW = "feed_too_slow"
    TOO_LARGE = "feed_too_large"
    TOO_MUCH = "feed_too_much"
    HTTP_STATUS = "feed_http_status"
    # The signed metadata.
    ROOT_INVALID = "feed_root_invalid"
    EXPIRED = "feed_expired"
    UNSIGNED = "feed_unsigned"
    ROLLED_BACK = "feed_rolled_back"
    MIXED = "feed_mixed"
    METADATA_INVALID = "feed_metadata_invalid"
    KEY_TOO_NEW = "feed_key_too_new"
    TOO_MANY_ROLES = "feed_too_many_roles"
    VERSION_TOO_HIGH = "feed_version_too_high"
    CLOCK_WENT_BACK = "feed_clock_went_back"
    STORAGE = "feed_storage"
    # What the metadata say.
    NOT_A_FEED = "feed_not_a_feed"
    SCHEMA_TOO_NEW = "feed_schema_too_new"
    FIELD_INVALID = "feed_field_invalid"
    FIRMWARE_KEY_CHANGED = "feed_firmware_key_changed"
    SIGNED_BY_CHANGED = "feed_signed_by_changed"
    # One release.
    RELEASE_WITHDRAWN = "feed_release_withdrawn"
    RELEASE_CHANGED = "feed_release_changed"
    RELEASE_HALTED = "feed_release_halted"
    ARTIFACT_MISMATCH = "feed_artifact_mismatch"


class FeedError(NightlatchError):
    """A feed could not be used."""

    reason: FeedProblem


class FirmwareProblem(StrEnum):
    """Why an artifact is refused."""

    NOT_A_PACKAGE = "firmware_not_a_package"
    TOO_LARGE = "firmware_too_large"
    MEMBER_REFUSED = "firmware_member_refused"
    MANIFEST_INVALID = "firmware_manifest_invalid"
    INIT_PACKET_INVALID = "firmware_init_packet_invalid"
    NOT_SIGNED = "firmware_not_signed"
    SIGNATURE_TYPE = "firmware_signature_type"
    SIGNATURE_INVALID = "firmware_signature_invalid"
    HASH_TYPE = "firmware_hash_type"
    HASH_MISMATCH = "firmware_hash_mismatch"
    SIZE_MISMATCH = "firmware_size_mismatch"
    WRONG_HARDWARE = "firmware_wrong_hardware"
    WRONG_VERSION = "firmware_wrong_version"
    DOWNGRADE = "firmware_downgrade"
    WRONG_TYPE = "firmware_wrong_type"
    DEBUG_BUILD = "firmware_debug_build"
    KEY_INVALID = "firmware_key_invalid"
    CHANGED_AFTER_VERIFYING = "firmware_changed_after_verifying"
    IMAGE_INVALID = "firmware_image_invalid"
    ENCRYPTED = "firmware_encrypted"
    NEEDS_OTHER_IMAGE = "firmware_needs_other_image"
    # What people pick by mistake, each of which has an answer of its own.
    OWN_HEADER = "firmware_own_header"
    LEGACY_DFU = "firmware_legacy_dfu"
    SEVERAL_IMAGES = "firmware_several_images"
    PADDED = "firmware_padded"


class FirmwareError(NightlatchError):
    """An artifact is refused."""

    reason: FirmwareProblem


class FileProblem(StrEnum):
    """Why a file that a person has brought is not for a lock."""

    UPLOAD_GONE = "file_upload_gone"
    OTHER_FORMAT = "file_other_format"
    OTHER_MODEL = "file_other_model"
    OTHER_HARDWARE = "file_other_hardware"
    HARDWARE_UNKNOWN = "file_hardware_unknown"
    OTHER_SIGNER = "file_other_signer"
    KEY_UNKNOWN = "file_key_unknown"
    KEY_ONLY_NAMED = "file_key_only_named"
    NOT_SAID = "file_not_said"
    VERSION_INVALID = "file_version_invalid"
    OTHER_VERSION = "file_other_version"
    NOT_COMPARABLE = "file_not_comparable"
    NOT_NEWER = "file_not_newer"
    COUNTER_NOT_NEWER = "file_counter_not_newer"
    BELOW_FLOOR = "file_below_floor"
    NEEDS_NEWER_FIRST = "file_needs_newer_first"


class FileError(NightlatchError):
    """A file that a person has brought is not for a lock."""

    reason: FileProblem


class TransportProblem(StrEnum):
    """Why an artifact did not reach a lock."""

    NOT_FOUND = "transport_not_found"
    NO_CONNECTION_SLOT = "transport_no_connection_slot"
    CONNECTION_FAILED = "transport_connection_failed"
    LINK_LOST = "transport_link_lost"
    NO_ANSWER = "transport_no_answer"
    GARBLED_ANSWER = "transport_garbled_answer"
    NOT_UPDATABLE = "transport_not_updatable"
    INSECURE_BUTTONLESS = "transport_insecure_buttonless"
    BUTTONLESS_REFUSED = "transport_buttonless_refused"
    NOT_BONDED = "transport_not_bonded"
    PAIRING_REFUSED = "transport_pairing_refused"
    PAIRED_ELSEWHERE = "transport_paired_elsewhere"
    NEEDS_PASSKEY = "transport_needs_passkey"
    BOOTLOADER_NOT_FOUND = "transport_bootloader_not_found"
    OTHER_BOOTLOADER = "transport_other_bootloader"
    IN_BOOTLOADER = "transport_in_bootloader"
    IN_APPLICATION = "transport_in_application"
    NO_IDENTITY = "transport_no_identity"
    REJECTED = "transport_rejected"
    REJECTED_SIGNATURE = "transport_rejected_signature"
    REJECTED_HARDWARE = "transport_rejected_hardware"
    REJECTED_VERSION = "transport_rejected_version"
    REJECTED_SOFTDEVICE = "transport_rejected_softdevice"
    REJECTED_HASH = "transport_rejected_hash"
    REJECTED_SPACE = "transport_rejected_space"
    TOO_LARGE_FOR_SLOT = "transport_too_large_for_slot"
    LOCK_MEMORY = "transport_lock_memory"
    CANNOT_TRY = "transport_cannot_try"
    OTHER_UPDATE = "transport_other_update"
    ALREADY_KEPT = "transport_already_kept"
    KEPT_ITSELF = "transport_kept_itself"
    LOSSY_LINK = "transport_lossy_link"
    TOO_SLOW = "transport_too_slow"
    DID_NOT_COME_BACK = "transport_did_not_come_back"
    LET_GO = "transport_let_go"
    HELD_ELSEWHERE = "transport_held_elsewhere"
    HELD_SINCE_RESTART = "transport_held_since_restart"
    OTHER_VERSION = "transport_other_version"
    REVERTED = "transport_reverted"
    NOT_TAKEN_BACK = "transport_not_taken_back"
    RESTART_REFUSED = "transport_restart_refused"
    WAITS_FOR_RESTART = "transport_waits_for_restart"
    MAY_WAIT_FOR_RESTART = "transport_may_wait_for_restart"
    CANNOT_BE_KEPT = "transport_cannot_be_kept"


class TransportError(NightlatchError):
    """An artifact did not reach a lock."""

    reason: TransportProblem


class InstallationProblem(StrEnum):
    """Why an installation ended, other than by what it uses."""

    UNEXPECTED = "installation_unexpected"
    ALREADY_QUEUED = "installation_running"
    AFTER_FAILURE = "installation_after_failure"
    CANCELLED = "installation_cancelled"
    JOURNAL = "installation_journal"
    WINDOW_ENDED = "installation_window_ended"
    NOT_STRANDED = "installation_not_stranded"
    FEED_REMOVED = "installation_feed_removed"
    # Confirming: the lock runs the release, and something else is wrong.
    LOCK_UNAVAILABLE = "installation_lock_unavailable"
    BOLT_JAMMED = "installation_bolt_jammed"
    BOLT_ELSEWHERE = "installation_bolt_elsewhere"
    BOLT_DID_NOT_MOVE = "installation_bolt_did_not_move"


class DelegateProblem(StrEnum):
    """Why another integration did not bring a lock to a release."""

    REFUSED = "delegate_refused"
    OTHER_OFFER = "delegate_other_offer"
    NO_OFFER = "delegate_no_offer"
    NOT_AVAILABLE = "delegate_not_available"
    NEVER_STARTED = "delegate_never_started"
    BROKE_OFF = "delegate_broke_off"
    LOST_SIGHT = "delegate_lost_sight"
    STUCK = "delegate_stuck"
    DID_NOT_COME_BACK = "delegate_did_not_come_back"
    OTHER_VERSION = "delegate_other_version"
    NOT_CONFIRMED = "delegate_not_confirmed"
    NOT_TOLD = "delegate_not_told"
    NOT_ASKED = "delegate_not_asked"
    FELL_BACK = "delegate_fell_back"


class DelegateError(NightlatchError):
    """Another integration did not bring a lock to a release."""

    reason: DelegateProblem


class SourceProblem(StrEnum):
    """Why what another integration knows of a lock cannot be relied upon."""

    GONE = "source_gone"
    DISABLED = "source_disabled"
    BY_ITSELF = "source_by_itself"
    CANNOT_INSTALL = "source_cannot_install"
    AWAY = "source_away"
    OTHER_DEVICE = "source_other_device"


class SourceError(NightlatchError):
    """What another integration knows of a lock cannot be relied upon."""

    reason: SourceProblem


class InstallationError(NightlatchError):
    """An installation ended otherwise than it can end."""

    reason: InstallationProblem


class VaultProblem(StrEnum):
    """Why the vault could not keep or give something."""

    # The key of the household.
    LOCKED = "vault_locked"
    WRONG_PASSPHRASE = "vault_wrong_passphrase"  # noqa: S105
    PASSPHRASE_TOO_SHORT = "vault_passphrase_too_short"  # noqa: S105
    KEY_FILE_UNREADABLE = "vault_key_file_unreadable"
    WRONG_KEY_FILE = "vault_wrong_key_file"
    KEY_LOST = "vault_key_lost"
    # The folders.
    NOT_THERE = "vault_not_there"
    SAME_PLACE = "vault_same_place"
    NO_ANSWER = "vault_no_answer"
    FULL = "vault_full"
    UNREADABLE = "vault_unreadable"
    UNWRITABLE = "vault_unwritable"
    # One blob.
    NOT_KEPT = "vault_not_kept"
    NOT_A_BLOB = "vault_not_a_blob"
    TOO_NEW = "vault_too_new"
    TRUNCATED = "vault_truncated"
    DAMAGED = "vault_damaged"
    OTHER_BLOB = "vault_other_blob"
    TOO_LONG = "vault_too_long"


class VaultError(NightlatchError):
    """The vault could not keep or give something."""

    reason: VaultProblem
