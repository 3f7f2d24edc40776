"""Safeguards of tool calls: the intent before the effect, and nothing twice in silence."""

from tests.campaigns.mutants.mutant import Edit, Mutant, without
from tests.campaigns.mutants.where import (
    ACTING,
    ADMIT,
    ASKING,
    EXECUTION,
    HOUSEKEEPING,
    RECOVERY_OF_CALLS,
    STEPS,
    T_ADMIT,
    T_FAULTS_OF_CALLS,
    T_NEXT_STEP,
    T_TURN_MODEL_CALL,
    T_TURN_RECOVERY_OF_CALLS,
    T_TURN_TOOL_CALLS,
)

CALLS: tuple[Mutant, ...] = (
    without(
        "a quiet call asks again",
        "an answer ends its turn, also when the model noted something beside it",
        Edit("duragent.journal.state", "bool(replied.text.strip()) and all(", "False and all("),
        "tests/turn/scenarios/test_quiet_calls.py::test_a_reply_with_text_and_only_quiet_calls_is_the_answer",
    ),
    without(
        "a message skips what was noted",
        "a note of the model is no plan that a newer message changes",
        Edit(STEPS, "if not call.quiet and _has_newer", "if _has_newer"),
        "tests/turn/scenarios/test_quiet_calls.py::test_a_message_in_between_does_not_skip_what_was_noted",
    ),
    without(
        "intent after effect",
        "the order: tool_started is durable before the tool runs",
        Edit(
            ACTING,
            "        if not await self._host.commit(decide):\n            return\n        crashpoint",
            "        committing = asyncio.ensure_future(self._host.commit(decide))\n        crashpoint",
        ),
        f"{T_TURN_TOOL_CALLS}::test_tool_starts_only_when_its_intent_is_durable",
    ),
    without(
        "no intent",
        "tool_started: after a crash nobody knows that it ran",
        Edit(
            ACTING,
            "        if not await self._host.commit(decide):\n            return\n        crashpoint",
            "        crashpoint",
        ),
        f"{T_TURN_TOOL_CALLS}::test_tool_starts_only_when_its_intent_is_durable",
    ),
    without(
        "the intent does not name its owner",
        "the epoch in tool_started",
        Edit(
            ACTING,
            '            return [event.model_copy(update={"epoch": state.epoch}) for event in events]',
            "            return events",
        ),
        f"{T_TURN_TOOL_CALLS}::test_tool_starts_only_when_its_intent_is_durable",
    ),
    without(
        "a question before its intent",
        "the order: model_called is durable before the request leaves",
        Edit(
            ASKING,
            "        called = await self._host.commit(lambda state: self._intent(state, asked))\n        if called:\n",
            "        committing = asyncio.ensure_future(self._host.commit(lambda state: "
            "self._intent(state, asked)))\n"
            "        if committing:\n",
        ),
        f"{T_TURN_MODEL_CALL}::test_model_is_asked_only_when_the_intent_is_durable",
    ),
    without(
        "a call that was started is just run again",
        "the look at what became of it",
        Edit(
            STEPS,
            "            return RecoverCall(turn.id, call)",
            "            return RunTool(turn.id, call)",
        ),
        f"{T_TURN_RECOVERY_OF_CALLS}::test_call_that_may_have_run_is_not_run_again_unless_it_may_be[unsafe]",
    ),
    without(
        "unsafe calls are run again",
        "the effect class: an unsafe call is asked about, or the model is told",
        Edit(
            RECOVERY_OF_CALLS,
            'if call.effect in ("pure", "idempotent") and',
            'if call.effect in ("pure", "idempotent", "unsafe") and',
        ),
        f"{T_TURN_RECOVERY_OF_CALLS}::test_call_that_may_have_run_is_not_run_again_unless_it_may_be[unsafe]",
    ),
    without(
        "calls that never may be repeated are asked about",
        "the effect class never",
        Edit(
            RECOVERY_OF_CALLS,
            'elif call.effect == "unsafe" and',
            'elif call.effect in ("unsafe", "never") and',
        ),
        f"{T_TURN_RECOVERY_OF_CALLS}::test_call_that_may_have_run_is_not_run_again_unless_it_may_be[never]",
    ),
    without(
        "a lost call is not told",
        "tool_lost: neither the log nor a person learns that the outcome is unknown",
        Edit(
            RECOVERY_OF_CALLS,
            "            await self._host.commit(lambda _: [lost, finished])",
            "            await self._host.commit(lambda _: [finished])",
        ),
        f"{T_TURN_RECOVERY_OF_CALLS}::test_call_that_may_have_run_is_not_run_again_unless_it_may_be[never]",
    ),
    without(
        "the model is told that a lost call failed",
        "OUTCOME UNKNOWN, in the result of a lost call",
        Edit(
            RECOVERY_OF_CALLS,
            "            finished = _interrupted(turn, call, OUTCOME_UNKNOWN)",
            '            finished = _interrupted(turn, call, "it failed")',
        ),
        f"{T_TURN_RECOVERY_OF_CALLS}::test_call_that_may_have_run_is_not_run_again_unless_it_may_be[never]",
    ),
    without(
        "a call that may be repeated is tried for ever",
        "the bound on attempts",
        Edit(
            RECOVERY_OF_CALLS,
            " and call.attempt < ATTEMPTS",
            "",
        ),
        f"{T_TURN_RECOVERY_OF_CALLS}::test_call_that_is_lost_each_time_is_not_tried_for_ever",
    ),
    without(
        "a call goes without a result when the turn winds up",
        "each call has its result, right behind it",
        Edit(
            STEPS,
            "    if turn.calls:\n        return SettleCall(turn.id, turn.calls[0], outcome",
            "    if False:\n        return SettleCall(turn.id, turn.calls[0], outcome",
        ),
        f"{T_TURN_TOOL_CALLS}::test_call_of_a_turn_that_is_cancelled_while_it_is_judged_does_not_begin",
    ),
    without(
        "a machine's message skips calls",
        "only a person's message takes the place of calls that have not begun",
        Edit(STEPS, "for seq in state.waiting_from_people)", "for seq in state.waiting)"),
        f"{T_NEXT_STEP}::test_each_history_has_its_next_step",
    ),
    without(
        "a machine's message resumes a session",
        "only a person's message resumes a paused session",
        Edit(ADMIT, "state.paused and is_person(posted.source)", "state.paused"),
        f"{T_ADMIT}::test_each_input_is_admitted_or_refused",
    ),
    without(
        "nobody says that a stopped call may have taken effect",
        "the warning in the result of a call that was stopped",
        Edit(
            STEPS,
            'if call.attempt else "."',
            'if False else "."',
        ),
        f"{T_TURN_RECOVERY_OF_CALLS}::test_result_of_a_stopped_call_says_that_it_may_have_taken_effect",
    ),
    without(
        "a call of a turn that was stopped in between begins",
        "the look at the state that tool_started will follow",
        Edit(
            ACTING,
            "            if not self._is_open(state, step):\n                return []\n            if not by_session",
            "            if not by_session",
        ),
        f"{T_TURN_TOOL_CALLS}::test_call_of_a_turn_that_is_cancelled_while_it_is_judged_does_not_begin[dangerous]",
    ),
    without(
        "a question of a turn that was stopped in between is asked",
        "the look at the state that approval_requested will follow",
        Edit(
            ACTING,
            "        await self._commit_open(step, requested)",
            "        await self._host.commit(lambda _: [requested])",
        ),
        f"{T_TURN_TOOL_CALLS}::test_call_of_a_turn_that_is_cancelled_while_it_is_judged_does_not_begin[ask]",
    ),
    without(
        "the stop of the server ends its commands",
        "a command outlives the server, and the next one reads its end",
        Edit(
            EXECUTION,
            '                if host.stopping and why != "cancelled":\n                    return None\n',
            '                if host.stopping and why != "cancelled":\n'
            '                    return await self._stopped(run, working, "cancelled")\n',
        ),
        f"{T_FAULTS_OF_CALLS}::test_a_server_that_stops_while_a_paused_session_runs_a_command_does_not_wait_for_it",
    ),
    without(
        "a result is forgotten before it is in the log",
        "the order: tool_finished is durable before the spool forgets",
        Edit(
            EXECUTION,
            "        await self._finish(run, result, turn)\n",
            "        await self.tidy(run.resolved.call.call)\n        await self._finish(run, result, turn)\n",
        ),
        f"{T_TURN_RECOVERY_OF_CALLS}::test_result_of_a_command_is_kept_until_it_is_in_the_log",
    ),
    without(
        "results are swept away that somebody waits for",
        "the question whether the log waits for a result",
        Edit(
            HOUSEKEEPING,
            "lambda name, call: name in unread or self._awaited(name, call)",
            "lambda name, call: False",
        ),
        f"{T_FAULTS_OF_CALLS}::test_the_result_of_a_session_that_cannot_be_read_now_is_kept",
    ),
    without(
        "an unreadable result counts as a failure",
        "a result that cannot be read says nothing about the effect",
        Edit(
            EXECUTION,
            "        except RunnerLost:\n            raise\n",
            "",
        ),
        f"{T_TURN_RECOVERY_OF_CALLS}::test_call_that_is_lost_each_time_is_not_tried_for_ever",
    ),
)
