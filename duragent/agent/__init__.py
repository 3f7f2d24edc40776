"""Who speaks: agents are folders that people write. `spec` is the form, `load` reads one, `catalog` knows them all."""
