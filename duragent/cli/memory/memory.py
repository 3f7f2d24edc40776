"""`duragent memory`: what agents remember, from the shell. A server does it; one is started when none runs."""

import typer

from duragent.cli.memory.forget import forget
from duragent.cli.memory.importing import import_memories
from duragent.cli.memory.index import index, sleep
from duragent.cli.memory.log import log, undo
from duragent.cli.memory.notes import add, list_notes, search, show
from duragent.cli.memory.review import review

app = typer.Typer(
    help="See, search, write, review and forget what agents remember.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)
app.command("list")(list_notes)
app.command("show")(show)
app.command("add")(add)
app.command("search")(search)
app.command("review")(review)
app.command("forget")(forget)
app.command("log")(log)
app.command("undo")(undo)
app.command("index")(index)
app.command("sleep")(sleep)
app.command("import")(import_memories)
