"""What the documentation shows is what happens."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.docs.dialogue import play
from tests.support.left_servers import end_servers
from tests.support.pages import Block, Shell, blocks, environment, matches, pages_with_blocks
from tests.support.places import ROOT

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="the page uses curl")


def _parameters() -> list[object]:
    return [
        pytest.param(page, id=str(page.relative_to(ROOT)), marks=[needs_curl] if "curl" in page.read_text() else [])
        for page in pages_with_blocks()
    ]


@pytest.mark.parametrize("page", _parameters())
def test_examples_of_a_page_do_what_it_says(page: Path, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    environ = environment(tmp_path)
    with Shell(folder, environ) as shell:
        try:
            _run(page, folder, shell, environ)
        finally:
            end_servers(tmp_path)


def _run(page: Path, folder: Path, shell: Shell, environ: Mapping[str, str]) -> None:
    printed = ""
    for block in blocks(page):
        match block.what.split():
            case ["run"]:
                printed = shell.run(_script(block))
            case ["output"]:
                assert matches(block.text, printed), f"the page says:\n{block.text}\nbut it printed:\n{printed}"
            case ["file", name]:
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(shell.ported(block.text), encoding="utf-8")
            case ["terminal"]:
                play(block.text, folder, environ)
            case _:
                raise AssertionError(f"no such test: {block.what}")


def _script(block: Block) -> str:
    if block.language == "python":
        return f"python <<'END OF PYTHON'\n{block.text}END OF PYTHON"
    return block.text
