"""What every HTTP client here needs: the library without its extras, and server-sent events read from bytes."""
