"""Constants of Nightlatch."""

from datetime import timedelta
import os

DOMAIN = "nightlatch"

# On the bus: whatever happens to a lock.
EVENT_NIGHTLATCH = "nightlatch_event"

SUBENTRY_FEED = "feed"
SUBENTRY_LOCK = "lock"

CONF_ROOT = "root"
CONF_ROOT_FILE = "root_file"
CONF_FIRMWARE_KEYS = "firmware_keys"
CONF_REPORTS_TO = "reports_to"
CONF_KEEPER = "keeper"
# In its form only.
CONF_REPORT = "report"
CONF_FEED = "feed"
CONF_WITHOUT_FEED = "without_feed"
CONF_IDENTITY = "identity"
CONF_KIND = "kind"
CONF_UPDATE_ENTITY = "update_entity"
CONF_VERSION_ENTITY = "version_entity"
CONF_LOCK_ENTITY = "lock_entity"
CONF_BATTERY_ENTITY = "battery_entity"
CONF_NO_BATTERY = "no_battery"
CONF_NOT_LOW_SUFFICES = "not_low_suffices"
CONF_DOOR_ENTITY = "door_entity"
CONF_NO_DOOR_SENSOR = "no_door_sensor"
CONF_IMPORTANCE = "importance"
CONF_SECOND_ENTRY = "second_entry"
CONF_MODE = "mode"
CONF_CONSENT = "consent"
CONF_APPROVAL = "approval"
CONF_MAY_MOVE_BOLT = "may_move_bolt"
# Of a file with firmware, in its form only.
CONF_FILE = "file"
CONF_HARDWARE = "hardware"
CONF_VERSION = "version"
CONF_WORDS = "words"

CONF_QUIET_HOURS = "quiet_hours"
CONF_WEEKDAYS = "weekdays"
CONF_START = "start"
CONF_END = "end"
CONF_GATE_ENTITY = "gate_entity"
CONF_HOLD_ENTITY = "hold_entity"
CONF_LEARN = "learn"
CONF_LEARN_END = "learn_end"
CONF_LEARN_START = "learn_start"
CONF_LEARN_WITHIN = "learn_within"
CONF_PAUSED = "paused"
CONF_NOTICE_AT = "notice_at"
CONF_SOAK_DAYS = "soak_days"
CONF_TWO_ENTRY_DOORS = "two_entry_doors"
CONF_NOTIFY = "notify"
CONF_PHONES = "phones"
CONF_EVERYTHING = "everything"
CONF_INDEXES = "indexes"
CONF_PANEL = "panel"
CONF_SECOND_PLACE = "second_place"
CONF_VAULT_LIMIT = "vault_limit"
CONF_AUDIT_MONTHS = "audit_months"

FEED_INTERVAL = timedelta(hours=12)
# Until a feed that could not be relied upon is asked again; then twice as long each time.
FEED_RETRY = timedelta(minutes=1)
# So that the homes of a vendor do not all ask at once.
FEED_JITTER = timedelta(minutes=45)
# Reading a lock takes a connection and some of its battery.
IDENTITY_INTERVAL = timedelta(hours=24)

# For development and tests: feeds on this very machine may be served without TLS. It is
# no option in the user interface, and it holds for loopback addresses only.
ALLOW_LOOPBACK_HTTP = os.environ.get("NIGHTLATCH_ALLOW_LOOPBACK_HTTP") == "1"
