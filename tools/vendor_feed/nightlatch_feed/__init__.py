"""Makes, renews and checks a vendor's signed feed; see docs/for-vendors.md."""
