"""The list of safeguards, and how each is taken away to see that a test notices."""

from tests.campaigns.mutants.anthropic import ANTHROPIC
from tests.campaigns.mutants.asking import ASKING
from tests.campaigns.mutants.attached import ATTACHED
from tests.campaigns.mutants.authority import AUTHORITY
from tests.campaigns.mutants.beside import BESIDE
from tests.campaigns.mutants.calls import CALLS
from tests.campaigns.mutants.client import CLIENT
from tests.campaigns.mutants.commands import COMMANDS
from tests.campaigns.mutants.committing import COMMITTING
from tests.campaigns.mutants.deciding import DECIDING
from tests.campaigns.mutants.given_back import GIVEN_BACK
from tests.campaigns.mutants.legacy import LEGACY
from tests.campaigns.mutants.minds import MINDS
from tests.campaigns.mutants.mutant import Mutant
from tests.campaigns.mutants.neighbours import NEIGHBOURS
from tests.campaigns.mutants.ollama import OLLAMA
from tests.campaigns.mutants.openai import OPENAI
from tests.campaigns.mutants.owning import OWNING
from tests.campaigns.mutants.reading import READING
from tests.campaigns.mutants.recalling import RECALLING
from tests.campaigns.mutants.remembering import REMEMBERING
from tests.campaigns.mutants.reviewing import REVIEWING
from tests.campaigns.mutants.server import SERVER
from tests.campaigns.mutants.shortage import SHORTAGE
from tests.campaigns.mutants.summarising import SUMMARISING
from tests.campaigns.mutants.tail import TAIL
from tests.campaigns.mutants.tools import TOOLS
from tests.campaigns.mutants.undoing import UNDOING
from tests.campaigns.mutants.writing import WRITING
from tests.support.places import ROOT

PAGE = ROOT / "tests" / "campaigns" / "README.md"
_BEGIN, _END = "<!-- mutants -->\n", "<!-- /mutants -->\n"

MUTANTS: tuple[Mutant, ...] = (
    *WRITING,
    *READING,
    *BESIDE,
    *SHORTAGE,
    *LEGACY,
    *COMMITTING,
    *OWNING,
    *CALLS,
    *AUTHORITY,
    *SERVER,
    *CLIENT,
    *NEIGHBOURS,
    *COMMANDS,
    *TAIL,
    *TOOLS,
    *UNDOING,
    *GIVEN_BACK,
    *ANTHROPIC,
    *ASKING,
    *OPENAI,
    *OLLAMA,
    *DECIDING,
    *ATTACHED,
    *MINDS,
    *REMEMBERING,
    *RECALLING,
    *SUMMARISING,
    *REVIEWING,
)


def safeguard(name: str) -> Mutant:
    """The mutant of this name."""
    return next(mutant for mutant in MUTANTS if mutant.name == name)


def with_table(page: str) -> str:
    """The page with today's list between its marks."""
    before, _, rest = page.partition(_BEGIN)
    return before + _BEGIN + table() + _END + rest.partition(_END)[2]


def table() -> str:
    """The list as a table in Markdown."""
    rows = [f"| {mutant.name} | {mutant.removed} | `{_test(mutant)}` |\n" for mutant in MUTANTS]
    return "".join(["| Broken on purpose | The safeguard | A test that fails then |\n|---|---|---|\n", *rows])


def _test(mutant: Mutant) -> str:
    return mutant.caught_by[0].removeprefix("tests/").partition("[")[0]
