"""Decisions have one shape, and the page that lists them has them all."""

import re
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.places import ROOT

FOLDER = ROOT / "docs" / "decisions"
DECISIONS = sorted(FOLDER.glob("0*.md"))
_LINK = r"\[(\d{4})\]\((\d{4}-[a-z0-9.-]+\.md)\)"
_HEAD = re.compile(
    rf"# (?P<number>\d{{4}}): (?P<title>[^\n]+)\n\n- Date: (?P<date>\d{{4}}-\d\d-\d\d)\n"
    rf"- Status: (?:accepted|accepted; replaces {_LINK}|replaced by {_LINK})\n\n## Context\n"
)
SECTIONS = ["Context", "Decision", "Rejected", "Consequences"]

every_decision = pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.name[:4])


@every_decision
def test_decision_has_the_shape_of_all(page: Path) -> None:
    text = page.read_text()
    head = _HEAD.match(text)
    assert head, "number, title, date and status, then the context"
    assert head["number"] == page.name[:4]
    assert date.fromisoformat(head["date"]) >= date(2026, 1, 1)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    bodies = re.split(r"^## .+$", text, flags=re.MULTILINE)[1:]
    assert all(len(body.split()) >= 5 for body in bodies), "each section says something"


@every_decision
def test_decision_and_its_successor_name_each_other(page: Path) -> None:
    for word, back in (("replaced by", "accepted; replaces"), ("accepted; replaces", "replaced by")):
        if other := re.search(rf"^- Status: {word} {_LINK}$", page.read_text(), re.MULTILINE):
            assert other[2].startswith(other[1])
            assert f"- Status: {back} [{page.name[:4]}]({page.name})\n" in (FOLDER / other[2]).read_text()


def test_list_has_every_decision_by_its_title() -> None:
    listed = re.findall(
        r"^- \[(\d{4})\]\(([^)]+)\): (.+?)(?: \(replaced by \d{4}\))?$", (FOLDER / "README.md").read_text(), re.M
    )
    titles = [page.read_text().partition("\n")[0].partition(": ")[2] for page in DECISIONS]
    assert listed == [(page.name[:4], page.name, title) for page, title in zip(DECISIONS, titles, strict=True)]
    assert all(before < after for before, after in pairwise(number for number, *_ in listed))
