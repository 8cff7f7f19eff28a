"""What is planned for a lock, and what stands against it."""
