"""What is published of holes in the firmware of locks, and what it means for one."""
