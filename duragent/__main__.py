"""`python -m duragent` is the `duragent` command."""

from duragent.cli.main import main

if __name__ == "__main__":
    main()
