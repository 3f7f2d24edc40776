"""Whose notes a session reads and writes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duragent.memory.base import OWNER, WORLD, Scope
from duragent.memory.scope import (
    ALL_CHATS,
    ALL_PEOPLE,
    OWNER_VISIT,
    STRANGER,
    Visitor,
    access_of,
    is_owners_message,
    visitor_of,
)

ANN, BOB = Scope("person", "telegram-ann"), Scope("person", "telegram-bob")
FAMILY = Scope("chat", "telegram-family")
IDS = st.sampled_from(["ann", "bob", "eve", "*", ""]) | st.text(max_size=8)
SOURCES = st.sampled_from(["gateway", "schedule", "process", "agent", "http", "cli", "legacy", "new"])


@pytest.mark.parametrize(
    ("visitor", "reads", "writes"),
    [
        (OWNER_VISIT, (OWNER, WORLD, ALL_PEOPLE, ALL_CHATS), (OWNER, WORLD, ALL_PEOPLE, ALL_CHATS)),
        (Visitor("person", "telegram-ann"), (ANN, WORLD), (ANN,)),
        (STRANGER, (WORLD,), ()),
        (Visitor("group", "telegram-ann", "telegram-family"), (FAMILY, ANN, WORLD), (FAMILY,)),
        (Visitor("group", "", "telegram-family"), (FAMILY, WORLD), (FAMILY,)),
        (Visitor("group"), (WORLD,), ()),
    ],
)
def test_table_says_who_reads_and_writes_what(
    visitor: Visitor, reads: tuple[Scope, ...], writes: tuple[Scope, ...]
) -> None:
    access = access_of(visitor)
    assert (access.reads, access.writes) == (reads, writes)


@pytest.mark.parametrize(
    ("given_", "visitor"),
    [
        (("cli", "", None, None), OWNER_VISIT),
        (("http", "", None, None), OWNER_VISIT),
        (("http", "", "ann", None), Visitor("person", "http-ann")),
        (("http", "", "ann", "x"), Visitor("group", "-ann-81a40b06", "-x-8a5edab2")),
        (("gateway", "telegram", "ann", None), OWNER_VISIT),
        (("gateway", "telegram", "bob", None), Visitor("person", "telegram-bob")),
        (("gateway", "telegram", None, None), STRANGER),
        (("gateway", "telegram", "ann", "family"), Visitor("group", "telegram-ann", "telegram-family")),
        (("schedule", "", None, None), STRANGER),
    ],
)
def test_who_speaks_is_told_by_the_message(given_: tuple[str, str, str | None, str | None], visitor: Visitor) -> None:
    found = visitor_of(*given_, owners=["telegram:ann"])
    assert (found.kind, bool(found.person), bool(found.chat)) == (
        visitor.kind, bool(visitor.person), bool(visitor.chat),
    )  # fmt: skip
    if given_[1]:
        assert found == visitor


def test_machine_has_what_the_session_has_that_made_it() -> None:
    made_by = Visitor("person", "telegram-ann")
    for source in ("schedule", "process", "agent"):
        assert visitor_of(source, "", None, None, [], made_by) == made_by


@given(source=SOURCES, gateway=IDS, sender=st.none() | IDS, group=IDS.filter(bool), owners=st.lists(IDS))
def test_no_path_leads_from_a_group_to_what_is_private(
    source: str, gateway: str, sender: str | None, group: str, owners: list[str]
) -> None:
    visitor = visitor_of(source, gateway, sender, group, owners)
    access = access_of(visitor)
    assert not access.may_read(OWNER)
    assert not access.may_write(OWNER)
    assert not access.may_write(WORLD)
    for scope in (*access.reads, *access.writes):
        assert scope.id != "*"
        assert scope.kind in ("chat", "world") or scope.id == visitor.person


@given(source=st.just("gateway"), gateway=IDS, sender=st.none() | IDS, owners=st.lists(IDS))
def test_stranger_reads_no_other_person(source: str, gateway: str, sender: str | None, owners: list[str]) -> None:
    visitor = visitor_of(source, gateway, sender, None, owners)
    is_owner = is_owners_message(source, gateway, sender, owners)
    assert (visitor.kind == "owner") == bool(is_owner and sender)
    if visitor.kind != "owner":
        access = access_of(visitor)
        assert all(scope == WORLD or scope == Scope("person", visitor.person) for scope in access.reads)
        assert not access.may_read(BOB) or visitor.person == BOB.id
