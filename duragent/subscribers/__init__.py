"""Parts that listen to what has happened in sessions: after it is durable, and never in the way."""
