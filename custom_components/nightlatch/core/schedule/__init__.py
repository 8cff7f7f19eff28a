"""When may it run."""
