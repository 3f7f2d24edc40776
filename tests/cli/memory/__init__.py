"""`duragent memory`."""
