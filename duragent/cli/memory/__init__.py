"""`duragent memory`: one file for each family of its subcommands."""
