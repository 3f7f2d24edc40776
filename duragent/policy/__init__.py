"""What is allowed: patterns over parsed commands, the three files that hold them, and guards over earlier calls."""
