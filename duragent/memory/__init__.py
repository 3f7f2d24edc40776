"""What agents remember: notes in Markdown files, and how they are found again."""
