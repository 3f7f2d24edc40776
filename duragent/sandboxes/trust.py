"""No sandbox: commands run as they are, with all that the server's user may do."""

from duragent.sandboxes.base import Command, Confinement
from duragent.sandboxes.layout import in_words


class Trust:
    """Confines nothing, and says so. The clean environment is the only thing between a command and the keys."""

    name = "trust"

    def wrap(self, command: Command, within: Confinement) -> Command:
        return command

    def describe(self, within: Confinement) -> str:
        return in_words("no sandbox", within, network=True)

    def problem(self) -> None:
        return None
