"""`duragent session`: list, show, log, verify, repair, export, import, rename, delete."""
