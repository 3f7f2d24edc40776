"""Logs of duragent-rust v0.5 and of earlier versions, read as records of today."""
