"""`python3 -m tests.campaigns.mutants` writes the list of safeguards into tests/campaigns/README.md."""

from tests.campaigns.mutants import PAGE, with_table

PAGE.write_text(with_table(PAGE.read_text()))
