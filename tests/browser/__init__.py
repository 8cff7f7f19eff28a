"""What a person does in Home Assistant's own frontend, in a real browser."""
