"""The life of one installation."""
