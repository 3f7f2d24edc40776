"""Streams in files: one folder for each, with a log of JSON lines, blobs, and caches that may be thrown away."""
