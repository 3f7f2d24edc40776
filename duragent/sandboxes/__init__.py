"""Where commands run: each file is one way to confine a command, and `base` is their contract."""
