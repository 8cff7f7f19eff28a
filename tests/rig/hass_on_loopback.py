"""Home Assistant's own ``hass`` command, kept off the network.

Home Assistant has a multicast DNS responder on all interfaces, which no setting turns
off; here it gets a socket on loopback and no multicast. Nothing else is changed.
"""

import sys
from typing import Any

from zeroconf import IPVersion, Zeroconf

from homeassistant.__main__ import main

_init = Zeroconf.__init__


def _init_on_loopback(self: Zeroconf, **_: Any) -> None:
    _init(self, interfaces=["127.0.0.1"], unicast=True, ip_version=IPVersion.V4Only)


if __name__ == "__main__":
    Zeroconf.__init__ = _init_on_loopback  # type: ignore[assignment, method-assign]
    sys.exit(main())
