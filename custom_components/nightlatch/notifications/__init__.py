"""What people are told, and the buttons that they press."""
