"""What other programs, and duragent v0.5, remembered: read where it lies, and taken into an agent's memory."""
