"""Programs outside the server: a small runner for each command, and the spool where its result rests."""
