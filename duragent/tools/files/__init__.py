"""What the file tools share: paths, text, edits, diffs, and looking through folders."""
