"""Development equipment: virtual locks, a Bluetooth proxy and a vendor."""
