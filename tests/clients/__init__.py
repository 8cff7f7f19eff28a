"""The vendors' tool, installed, and other clients of The Update Framework."""
