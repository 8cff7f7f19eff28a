"""What differs between direct, guarded and watched locks."""
