"""All providers that litellm speaks to. litellm itself is imported at the first request."""
