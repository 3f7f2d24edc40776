"""Safeguards of a session that changes its owner, and of requests that come twice."""

from tests.campaigns.mutants.mutant import Edit, Mutant, without
from tests.campaigns.mutants.where import (
    ADMIT,
    APPLY,
    CHECKS,
    COMMIT_QUEUE,
    LIMITS,
    LIVE_SESSIONS,
    NEW,
    SNAPSHOT,
    STEPS,
    T_LIMITS_OF_TURNS,
    T_RECOVERY,
    T_SESSION_SAFEGUARDS,
    T_SNAPSHOT,
    T_TURN,
    TURN,
)

OWNING: tuple[Mutant, ...] = (
    without(
        "the epoch is not raised",
        "owner_claimed: calls of a dead process look like ours",
        Edit(
            COMMIT_QUEUE,
            "OwnerClaimed(epoch=state.epoch + 1, node=context.node)",
            "OwnerClaimed(epoch=state.epoch, node=context.node)",
        ),
        f"{T_SESSION_SAFEGUARDS}::test_turn_that_was_open_goes_on_when_its_session_is_opened",
    ),
    without(
        "the new owner does not say so",
        "owner_claimed before the first record of this process",
        Edit(
            COMMIT_QUEUE,
            "        claiming = [] if state.node == context.node else ",
            "        claiming = [] if True else ",
        ),
        f"{T_SESSION_SAFEGUARDS}::test_turn_that_was_open_goes_on_when_its_session_is_opened",
    ),
    without(
        "a torn tail is not told",
        "log_recovered in the log",
        Edit(
            COMMIT_QUEUE,
            "    if (torn := context.claim.torn) is not None:",
            "    if (torn := None) is not None:",
        ),
        f"{T_SESSION_SAFEGUARDS}::test_torn_tail_is_told_in_the_log",
    ),
    without(
        "a cancelled turn is resumed",
        "the cancel that was acknowledged",
        Edit(
            STEPS,
            "    if turn.cancelled or state.closed:",
            "    if state.closed:",
        ),
        f"{T_SESSION_SAFEGUARDS}::test_turn_that_was_cancelled_is_wound_up_and_nothing_else",
    ),
    without(
        "a poisoned turn is recovered for ever",
        "the bound on recoveries without progress",
        Edit(
            STEPS,
            "    if (reason := recovered_too_often(turn, limits)) is not None:",
            "    if False:",
        ),
        f"{T_RECOVERY}::test_a_turn_that_dies_again_and_again_is_paused_for_a_person",
    ),
    without(
        "recoveries are not counted",
        "the count of owners that found orphaned work",
        Edit(
            APPLY,
            "    recoveries, restarts = at.turn.recoveries + orphaned, at.turn.restarts + worked",
            "    recoveries, restarts = at.turn.recoveries, at.turn.restarts",
        ),
        f"{T_RECOVERY}::test_a_turn_that_dies_again_and_again_is_paused_for_a_person",
    ),
    without(
        "turns that come further are paused by the count of kills",
        "new words of an answer count as progress",
        Edit(APPLY, "recoveries=0 if words else turn.recoveries,", "recoveries=turn.recoveries,"),
        f"{T_LIMITS_OF_TURNS}::test_turn_pauses_by_lack_of_progress_and_not_by_count_alone",
    ),
    without(
        "an answer that never gets whole is asked for for ever",
        "the bound on restarts, however many words each has shown",
        Edit(LIMITS, "    if turn.restarts > limits.restarts:", "    if False:"),
        f"{T_LIMITS_OF_TURNS}::test_turn_pauses_by_lack_of_progress_and_not_by_count_alone",
    ),
    without(
        "a process that dies before it asks is never counted",
        "the owner's record before a question is prepared or a call is judged",
        Edit(TURN, "                if self._must_claim(step):", "                if False:"),
        f"{T_RECOVERY}::test_turn_whose_process_dies_each_time_before_the_model_is_asked_is_paused_for_a_person",
    ),
    without(
        "lost attempts are free",
        "what an attempt of unknown end may have used counts in budgets",
        Edit(
            LIMITS,
            "    what = _used_up(limits.turn, turn.tokens + turn.unknown_tokens, turn.cost_usd + turn.unknown_usd)",
            "    what = _used_up(limits.turn, turn.tokens, turn.cost_usd)",
        ),
        f"{T_LIMITS_OF_TURNS}::test_lost_attempts_count_in_budgets_with_what_was_reserved_for_them",
    ),
    without(
        "a turn is not resumed by itself",
        "the engine is started when a session is opened",
        Edit(LIVE_SESSIONS, "session.go_on()", "pass"),
        f"{T_SESSION_SAFEGUARDS}::test_turn_that_was_open_goes_on_when_its_session_is_opened",
    ),
    without(
        "damage of a session is not kept",
        "a session that was found damaged stays open, so that it stays known",
        Edit(
            LIVE_SESSIONS,
            "            if session.busy or troubled or self._sessions.get(session.id) is not session:",
            "            if session.busy or self._sessions.get(session.id) is not session:",
        ),
        f"{T_RECOVERY}::test_damage_in_the_middle_of_a_long_log_stays_known",
    ),
    without(
        "long logs are never read whole",
        "the check of the whole log at the start",
        Edit(
            CHECKS,
            "            await self._store.verify(session_id)",
            "            pass",
        ),
        f"{T_RECOVERY}::test_damage_in_the_middle_of_a_long_log_stays_known",
    ),
    without(
        "idempotency keys are ignored",
        "the keys that a session remembers: a request that is sent again counts again",
        Edit(
            ADMIT,
            "        if key is not None and request.key == key:",
            "        if False:",
        ),
        f"{T_TURN}::test_the_same_key_counts_once_and_another_body_is_refused",
    ),
    without(
        "fingerprints are not compared",
        "the fingerprint of a request: another one under a known key is refused",
        Edit(
            ADMIT,
            "            if request.fingerprint != mark:",
            "            if False:",
        ),
        f"{T_TURN}::test_the_same_key_counts_once_and_another_body_is_refused",
    ),
    without(
        "keys are not in the snapshot",
        "the keys in state.yaml: a request that is sent again after a restart counts again",
        Edit(
            SNAPSHOT,
            'if key not in (self.id_field, "seq")}',
            'if key not in (self.id_field, "seq", "remembered")}',
        ),
        f"{T_SESSION_SAFEGUARDS}::test_key_counts_once_also_after_a_restart_from_the_snapshot",
        f"{T_SNAPSHOT}::test_snapshot_comes_back_as_it_was",
    ),
    without(
        "sessions have no key",
        "the id that follows from the key: creating twice makes two",
        Edit(
            NEW,
            'return f"session_{ulid_of(self.key)}" if self.key else self.fresh_id',
            "return self.fresh_id",
        ),
        f"{T_RECOVERY}::test_a_session_is_made_once_under_one_key_also_by_many_at_once",
    ),
    without(
        "another session under a known key is taken for the same",
        "the fingerprint of a session's creation",
        Edit(
            NEW,
            "    if state.fingerprint != request.mark:",
            "    if False:",
        ),
        f"{T_SESSION_SAFEGUARDS}::test_key_of_a_session_is_refused_for_another_one",
    ),
)
