"""Shell commands, read as what they would run. `parse` is the way in."""
