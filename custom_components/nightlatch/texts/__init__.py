"""What people read, put together out of the translations."""
