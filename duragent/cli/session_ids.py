"""Which session a person means by a part of an id."""

from collections.abc import Sequence

from duragent.errors import AmbiguousId, DuragentError, InvalidRequest, SessionNotFound

SHOWN_MATCHES = 5


class _FitsSeveral(AmbiguousId):
    """As people read it: how many there are as far as that is known, and an ellipsis for those that are left out."""

    def __init__(self, prefix: str, matches: Sequence[str], *, more: bool) -> None:
        super().__init__(prefix, matches)
        cut = more or len(matches) > SHOWN_MATCHES
        count = "several" if more else f"{len(matches):,}"
        self.args = (f"'{prefix}' fits {count} sessions: {', '.join(matches[:SHOWN_MATCHES])}{', …' if cut else ''}",)


def check_part(part: str) -> None:
    """Raises InvalidRequest for what is no part of an id."""
    if not part:
        raise InvalidRequest("a session id is needed")
    session_id, mark, _ = part.partition("@")
    if mark:
        takers = "only `duragent fork`, `replay`, `undo` and `diff` take a record"
        raise InvalidRequest(f"'{part[:80]}': {takers} behind @; write {session_id[:64] or 'the id'} alone")


def not_one(part: str, matches: Sequence[str], *, more: bool = False) -> DuragentError:
    """Why no session, or none of several, is the one; `more`: there are more than these matches."""
    return _FitsSeveral(part, matches, more=more) if matches else SessionNotFound(part)
