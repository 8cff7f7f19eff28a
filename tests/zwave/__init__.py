"""A Z-Wave lock on the real zwave_js; needs Node."""
