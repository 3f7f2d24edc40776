from tests.campaigns.mutants import table

print(table(), end="")  # noqa: T201  # this is what the program is for
