"""Where artifacts are kept, encrypted, for the way back."""
