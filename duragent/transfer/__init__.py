"""Logs that move: fork, export, import, and the archive that holds a session as one file."""
