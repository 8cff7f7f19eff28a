"""Constants of Nightlatch."""

from datetime import timedelta
import os

DOMAIN = "nightlatch"

SUBENTRY_FEED = "feed"
SUBENTRY_LOCK = "lock"

CONF_ROOT = "root"
CONF_ROOT_FILE = "root_file"
CONF_FIRMWARE_KEYS = "firmware_keys"
CONF_FEED = "feed"
CONF_IDENTITY = "identity"
CONF_LOCK_ENTITY = "lock_entity"
CONF_BATTERY_ENTITY = "battery_entity"

FEED_INTERVAL = timedelta(hours=12)
# So that the homes of a vendor do not all ask at once.
FEED_JITTER = timedelta(minutes=45)
# Reading a lock takes a connection and some of its battery.
IDENTITY_INTERVAL = timedelta(hours=24)

# For development and tests: feeds on this very machine may be served without TLS. It is
# no option in the user interface, and it holds for loopback addresses only.
ALLOW_LOOPBACK_HTTP = os.environ.get("NIGHTLATCH_ALLOW_LOOPBACK_HTTP") == "1"
