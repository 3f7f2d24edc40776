"""Whose notes a session reads and writes: one table, closed by default.

The law: pure. A session that is not known to be the owner's is another person's; a group never reads what was
said in private, but for the notes about the person that asks.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from duragent.memory.base import OWNER, WORLD, Scope
from duragent.memory.topics import id_stem

EVERYONE = "*"
"""As the id of a scope: every person's, or every chat's."""
ALL_PEOPLE = Scope("person", EVERYONE)
ALL_CHATS = Scope("chat", EVERYONE)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who speaks in a session."""

    kind: Literal["owner", "person", "group"]
    """The owner, another person in private, or a person in a group."""
    person: str = ""
    """The stem of the person's file; "" where the platform names none."""
    chat: str = ""
    """The stem of the group's file."""


OWNER_VISIT = Visitor("owner")
STRANGER = Visitor("person")


@dataclass(frozen=True, slots=True)
class Access:
    """What a session may do with notes."""

    reads: tuple[Scope, ...]
    """Whose notes it is shown."""
    writes: tuple[Scope, ...]
    """Whose notes it may add to; the first is where a new one goes. () when it may write nothing."""

    def may_read(self, scope: Scope) -> bool:
        """Whether a note of this scope may be shown."""
        return covers(self.reads, scope)

    def may_write(self, scope: Scope) -> bool:
        """Whether a note of this scope may be written or forgotten."""
        return covers(self.writes, scope)


def visitor_of(
    source: str,
    gateway: str,
    sender: str | None,
    group: str | None,
    owners: Iterable[str] = (),
    made_by: "Visitor | None" = None,
) -> Visitor:
    """Who speaks. `sender` and `group` are the platform's ids; `made_by` is who began what a machine does now.

    Command line and HTTP are the owner's. In a chat the owner is known by `spec.access.owners`: an id, or
    `<gateway>:<id>`.
    """
    if source in ("schedule", "process", "agent"):
        return made_by or STRANGER
    if source != "gateway" and not group:
        return OWNER_VISIT if sender is None or _is_owner(gateway, sender, owners) else _person(gateway, sender)
    person = id_stem(gateway, sender) if sender else ""
    if group:
        return Visitor("group", person, id_stem(gateway, group))
    if sender and _is_owner(gateway, sender, owners):
        return OWNER_VISIT
    return Visitor("person", person)


def access_of(visitor: Visitor) -> Access:
    """The table."""
    person = (Scope("person", visitor.person),) if visitor.person else ()
    match visitor.kind:
        case "owner":
            return Access((OWNER, WORLD, ALL_PEOPLE, ALL_CHATS), (OWNER, WORLD, ALL_PEOPLE, ALL_CHATS))
        case "person":
            return Access((*person, WORLD), person)
        case _:
            chat = (Scope("chat", visitor.chat),) if visitor.chat else ()
            return Access((*chat, *person, WORLD), chat)


def is_owners_message(source: str, gateway: str, sender: str | None, owners: Iterable[str]) -> bool:
    """Whether its words are the owner's, wherever they were said."""
    if source in ("cli", "http"):
        return sender is None or _is_owner(gateway, sender, owners)
    return source == "gateway" and sender is not None and _is_owner(gateway, sender, owners)


def _person(gateway: str, sender: str) -> Visitor:
    return Visitor("person", id_stem(gateway or "http", sender))


def _is_owner(gateway: str, sender: str, owners: Iterable[str]) -> bool:
    return any(owner in (sender, f"{gateway}:{sender}") for owner in owners)


def covers(scopes: Iterable[Scope], wanted: Scope) -> bool:
    """Whether a scope is among these."""
    return any(scope.kind == wanted.kind and scope.id in (wanted.id, EVERYONE) for scope in scopes)
