"""The locks of the household: what is known of each, and which there are."""
