"""The routes, a file for each thing that clients work with. `server/app.ROUTES` is their table."""
