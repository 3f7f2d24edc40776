"""The routes, a file for each thing that clients work with. `table.ROUTES` has them all."""
