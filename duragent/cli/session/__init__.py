"""`duragent session`: list, show, log, verify, repair, export, import, redact, rename, delete."""
