"""What people must do, for Home Assistant's repairs."""
