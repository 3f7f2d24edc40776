"""The pages are up to date, lead somewhere, and speak of the project alone."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from duragent import config
from duragent.server.routes.table import ROUTES
from tests.support.bounds import LIMIT_SECONDS
from tests.support.pages import pages
from tests.support.places import ROOT

INSTALL_AND_CHAT = "python3 -m pip install . && duragent chat"
INSTALL_AND_TEST = "python3 -m pip install '.[test]' && python3 -m pytest"
UV_CHAT, UV_TEST = "uv run duragent chat", "uv run --extra test pytest"

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_LEFTOVERS = re.compile(r"TODO|FIXME|XXX|lorem|coming soon|/(?:home|root|tmp|Users)/", re.IGNORECASE)

every_page = pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()])


def test_reference_is_what_the_code_says() -> None:
    ran = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_SECONDS
    )
    assert ran.returncode == 0, f"run `python docs/generate.py`:\n{ran.stdout}{ran.stderr}"


def test_readme_has_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    for command in (INSTALL_AND_CHAT, INSTALL_AND_TEST):
        assert f"\n{command}\n" in text
    for command in (UV_CHAT, UV_TEST):
        assert f"`{command}`" in text


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(_FENCED.sub("", page.read_text())):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in anchors(target), f"{link}: there is no such heading"


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@every_page
def test_tests_that_a_page_names_are_there(page: Path) -> None:
    for name, path in re.findall(r"\[`(test_\w+)`\]\(([^)\s]+\.py)\)", page.read_text()):
        assert f"def {name}(" in (page.parent / path).read_text(), f"there is no {name} in {path}"


@every_page
def test_pages_hold_no_leftovers(page: Path) -> None:
    text = page.read_text()
    assert _LEFTOVERS.findall(text) == []
    # Nor where it was written.
    assert str(ROOT) not in text
    assert str(Path.home()) not in text


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md" or not page.exists():
            continue
        reached.add(page)
        links = (link.partition("#")[0] for link in _LINK.findall(page.read_text()))
        waiting += [(page.parent / link).resolve() for link in links if link and "://" not in link]
    assert [page for page in ROOT.glob("docs/**/*.md") if page not in reached] == []


def test_floors_of_the_architecture_are_those_that_are_kept() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    text = (ROOT / "docs/architecture.md").read_text()
    [shown] = re.findall(r"^## Floors$.*?^```text\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert shown.splitlines() == layers


def test_architecture_names_every_room() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    for path in (ROOT / "duragent").iterdir():
        if path.is_dir() and (path / "__init__.py").exists():
            assert f"| [`{path.name}/`](reference/modules.md#{path.name}) |" in text
        elif path.suffix == ".py" and not path.name.startswith("__"):
            assert f"| `{path.name}` |" in text


def test_http_reference_has_every_event_that_streams_send() -> None:
    server = ROOT / "duragent/server/routes"
    page = (ROOT / "docs/reference/http.md").read_text()
    for source in ("stream.py", "events.py"):
        for event in re.findall(r'frame\("(\w+)"', (server / source).read_text()):
            assert f"| `{event}` |" in page
    assert page.count("### GET") + page.count("### POST") + page.count("### PATCH") + page.count("### DELETE") == len(
        ROUTES
    )


def test_duragent_yaml_says_what_is_not_active(tmp_path: Path) -> None:
    text = (
        "world_memory: {path: m}\nsandbox: {mode: docker}\nsessions: {compaction: archive}\n"
        "gateways: {telegram: {bot_token: t}}\nroutes: [{match: {}, agent: a}]\n"
    )
    (tmp_path / "duragent.yaml").write_text(text)
    waiting = config.inactive_config(config.load_config(tmp_path / "duragent.yaml", {}))
    page = (ROOT / "docs/reference/duragent-yaml.md").read_text()
    shown = re.findall(r"^\| `(\w+(?:\.\w+)*)` \| [^|]+ \| [^|]+ \| no \|", page, re.MULTILINE)
    for key in waiting:
        assert key in shown
    top = {key.split(".")[0] for key in waiting}
    assert {key.split(".")[0] for key in shown} == top
