"""How locks are, asked of them and of others."""
