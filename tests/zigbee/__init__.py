"""A Zigbee lock on the real Zigbee2MQTT; needs Node."""
