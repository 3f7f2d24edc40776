"""Whether a call may run."""

from duragent.journal.events import Call
from duragent.policy.tiers import Policy
from duragent.tools.bash import Bash
from duragent.tools.toolset import Toolset
from duragent.turn.authorize import Refused, reauthorize, resolve


def test_an_approval_holds_for_just_the_arguments_that_were_approved() -> None:
    found = resolve(Call(call="c", tool="bash", arguments='{"command": "ls"}'), Toolset((Bash(),)))
    assert not isinstance(found, Refused)
    refused = reauthorize(found, Policy("dangerous", "here"), "0" * 64, "me")
    assert isinstance(refused, Refused)
    assert (refused.denied, "other arguments" in refused.content) == (True, True)
    assert not isinstance(reauthorize(found, Policy("dangerous", "here"), found.sha256, "me"), Refused)
