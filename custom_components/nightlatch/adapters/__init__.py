"""What the ground floor needs of Home Assistant, behind its ports."""
