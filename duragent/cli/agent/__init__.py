"""`duragent agent`: list, create, check."""
