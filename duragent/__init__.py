"""Duragent: a durable session runtime for AI agents, with files on disk."""

__version__ = "0.1.0"
