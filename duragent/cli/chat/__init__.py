"""`duragent chat` and `duragent attach`: a conversation in the terminal."""
