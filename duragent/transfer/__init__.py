"""Logs that move: fork, export, import."""
