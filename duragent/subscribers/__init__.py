"""Who listens: each file is told of what has happened, after it is durable and never in the way."""
