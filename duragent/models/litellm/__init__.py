"""All providers that litellm supports. litellm itself is imported at the first request."""
