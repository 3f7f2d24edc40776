"""The `web` tool: search, and pages as Markdown, guarded against addresses inside the network."""
