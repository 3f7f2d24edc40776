"""Safeguards of what is durable, true and told, in this order."""

from tests.campaigns.mutants.mutant import Edit, Mutant, without
from tests.campaigns.mutants.where import (
    ACTOR,
    ASKING,
    BUS,
    COMMIT_QUEUE,
    EXECUTION,
    LISTENERS,
    LOG_WRITER,
    PARTIAL,
    SESSION_WATCH,
    T_LISTENERS,
    T_SERVER_ROUTES_EVENTS,
    T_SESSION_SAFEGUARDS,
    T_TURN,
    T_TURN_LOOP,
    T_TURN_MODEL_CALL,
    T_TURN_PARTIAL,
    T_TURN_TOOL_RUN,
    TURN,
)

COMMITTING: tuple[Mutant, ...] = (
    without(
        "told before it is durable",
        "durable, then told: watchers see a record that a crash can take back",
        Edit(
            LOG_WRITER,
            "            lines = [line.line for line in encoded]",
            "            lines = [line.line for line in encoded]\n"
            '            self._topic.publish(Block(b"".join(lines), records[0].seq, records[-1].seq))',
        ),
        f"{T_SESSION_SAFEGUARDS}::test_nothing_is_told_or_true_before_it_is_durable",
    ),
    Mutant(
        "true before it is durable",
        "durable, then true: decisions are made on a state that a crash can take back",
        (
            Edit(
                LOG_WRITER,
                "            lines = [line.line for line in encoded]",
                "            lines = [line.line for line in encoded]\n"
                "            before, self.state = self.state, state",
            ),
            Edit(
                LOG_WRITER,
                "lines, expect=self.state.seq)",
                "lines, expect=before.seq)",
            ),
        ),
        (f"{T_SESSION_SAFEGUARDS}::test_nothing_is_told_or_true_before_it_is_durable",),
    ),
    without(
        "acknowledged before it is durable",
        "durable, then acknowledged: a 2xx for what a crash can take back",
        Edit(
            LOG_WRITER,
            "            lines = [line.line for line in encoded]",
            "            lines = [line.line for line in encoded]\n"
            "            for pending in batch:\n"
            "                pending.accept()",
        ),
        f"{T_SESSION_SAFEGUARDS}::test_nothing_is_told_or_true_before_it_is_durable",
    ),
    without(
        "no tx marks",
        "the marks of a batch: half of it counts after a crash",
        Edit(
            COMMIT_QUEUE,
            'encode(StreamRecord(record.seq, record.ts, record.event, f"{i}/{count}"), seed)',
            "encode(StreamRecord(record.seq, record.ts, record.event), seed)",
        ),
        f"{T_SESSION_SAFEGUARDS}::test_records_of_one_write_are_marked_as_one_group",
    ),
    without(
        "decided on an old state",
        "each decision is made on the state that it will follow: two at once both count",
        Edit(
            ACTOR,
            "            admitted = admit(state, posted, fresh)",
            "            admitted = admit(self.state, posted, fresh)",
        ),
        f"{T_TURN}::test_the_same_key_at_the_same_time_counts_once",
    ),
    without(
        "goes on after a write error",
        "the end of a session whose log cannot be written",
        Edit(
            LOG_WRITER,
            "        else:\n            self.fail(error)\n",
            "",
        ),
        f"{T_SESSION_SAFEGUARDS}::test_session_whose_write_failed_takes_nothing_more_and_lets_its_watchers_go",
    ),
    without(
        "two turns begin at once",
        "the look for an open turn: the write of a message may have begun one",
        Edit(TURN, "events if isinstance(self._step_at(state), steps.StartTurn) else []", "events"),
        f"{T_TURN_LOOP}::test_a_message_that_comes_when_a_turn_is_about_to_begin_begins_no_second_one",
    ),
    without(
        "an answer that finds no room is thrown away",
        "the wait for room: the answer is paid for",
        Edit(
            ASKING,
            "            await when_there_is_room(\n"
            "                self._host, self._ports.clock, "
            "lambda: self._host.commit(lambda _: [replied], then=self._then)\n"
            "            )",
            "            await self._host.commit(lambda _: [replied], then=self._then)",
        ),
        f"{T_TURN_MODEL_CALL}::test_an_answer_that_finds_no_room_waits_and_is_not_asked_for_again",
    ),
    without(
        "a tool's result that finds no room is thrown away",
        "the wait for room: the effect has happened, and its result cannot be had again",
        Edit(
            EXECUTION,
            "            await when_there_is_room(self._host, self._ports.clock, lambda: self._host.commit(decide))",
            "            await self._host.commit(decide)",
        ),
        f"{T_TURN_TOOL_RUN}::test_result_of_a_tool_that_finds_no_room_waits_and_the_tool_runs_once",
    ),
    without(
        "what was seen of an answer is lost",
        "partial.jsonl: a crash takes back what watchers have seen",
        Edit(
            PARTIAL,
            "            await self._keep(piece if self._begun else self._first_line() + piece, self._begun)",
            "            pass",
        ),
        f"{T_TURN_MODEL_CALL}::test_what_was_seen_of_an_answer_is_in_the_log_after_a_crash",
    ),
    without(
        "an answer is told before it is kept",
        "the order: first beside the log, then to the watchers",
        Edit(
            PARTIAL,
            "            await self._keep(piece if self._begun else self._first_line() + piece, self._begun)\n"
            "            self._begun = True\n"
            "            if reasoning:\n"
            '                self._publish(self._delta("reasoning", len(self._reasoning), reasoning))\n'
            "                self._reasoning += reasoning\n"
            "            if text:\n"
            '                self._publish(self._delta("text", len(self._text), text))\n'
            "                self._text += text\n",
            "            if reasoning:\n"
            '                self._publish(self._delta("reasoning", len(self._reasoning), reasoning))\n'
            "                self._reasoning += reasoning\n"
            "            if text:\n"
            '                self._publish(self._delta("text", len(self._text), text))\n'
            "                self._text += text\n"
            "            await self._keep(piece if self._begun else self._first_line() + piece, self._begun)\n"
            "            self._begun = True\n",
        ),
        f"{T_TURN_PARTIAL}::test_piece_of_an_answer_is_kept_before_it_is_told",
    ),
    without(
        "a watcher registers after it has read",
        "the subscription before the look at the head: what comes in between is lost",
        Edit(
            ACTOR,
            "        with self._topic.subscribe() as subscription:\n"
            "            if self.problem is not None and after >= self.state.seq:\n"
            "                raise self.problem\n"
            "            if self.stopping or self.problem is not None:\n"
            "                subscription.close()\n"
            "            hello = LogHead(self.state.seq, ",
            "        state = self.state\n"
            "        for _ in range(9):\n"
            "            await asyncio.sleep(0)\n"
            "        with self._topic.subscribe() as subscription:\n"
            "            if self.problem is not None and after >= self.state.seq:\n"
            "                raise self.problem\n"
            "            if self.stopping or self.problem is not None:\n"
            "                subscription.close()\n"
            "            hello = LogHead(state.seq, ",
        ),
        f"{T_SESSION_SAFEGUARDS}::test_watcher_who_comes_while_records_come_sees_each_once",
    ),
    without(
        "replay and live overlap",
        "the comparison of live records with what the replay has sent",
        Edit(
            SESSION_WATCH,
            "        if isinstance(item, OutputDelta) or item.first_seq > after:",
            "        if True:",
        ),
        f"{T_SESSION_SAFEGUARDS}::test_watcher_sees_once_what_the_replay_and_the_live_records_both_have",
    ),
    without(
        "a slow watcher loses records",
        "the end of a stream whose watcher is too slow: it resumes by id",
        Edit(BUS, "self.close()", "pass"),
        f"{T_SESSION_SAFEGUARDS}::test_watcher_who_is_too_slow_is_let_go_and_misses_nothing_in_silence",
    ),
    without(
        "a slow watcher's queue has no bound",
        "the bound of what waits for one watcher",
        Edit(BUS, " > MAX_WAITING_BYTES", " > 1 << 60"),
        f"{T_SESSION_SAFEGUARDS}::test_watcher_who_is_too_slow_is_let_go_and_misses_nothing_in_silence",
    ),
    without(
        "a client ahead of the log is not reset",
        "the notice that this is another log",
        Edit(
            SESSION_WATCH,
            "    if after > hello.head:\n        yield LogReset()\n        after = 0",
            "    if after > hello.head:\n        after = 0",
        ),
        f"{T_SERVER_ROUTES_EVENTS}::test_client_ahead_of_the_log_is_reset_and_gets_it_all",
    ),
    without(
        "a notice is announced after its result",
        "the position of a listener, durable before the record: a crash in between loses the notice",
        Edit(
            LISTENERS,
            "                    await self._save(stream, after)\n            yield",
            "                    pass\n            yield",
        ),
        f"{T_LISTENERS}::test_position_is_durable_before_the_commit",
        f"{T_LISTENERS}::test_killed_between_commit_and_delivery_the_next_process_delivers",
    ),
    without(
        "a listener forgets a stream while a commit is under way",
        "the count of commits that are expected: a crash right after the commit loses the notice",
        Edit(LISTENERS, "if not self._expected[stream] and stream", "if stream"),
        f"{T_LISTENERS}::test_commit_that_begins_while_another_is_delivered_keeps_the_position",
    ),
    without(
        "a listener forgets a stream that became dirty meanwhile",
        "the look whether a commit came after the last read: its notice is never told",
        Edit(
            LISTENERS,
            "            if not self._expected[stream] and stream not in self._dirty:",
            "            if not self._expected[stream]:",
        ),
        f"{T_LISTENERS}::test_commit_that_comes_during_the_last_read_is_delivered",
    ),
    without(
        "the position of a listener moves on before the delivery",
        "at least once: a crash during a delivery loses it",
        Edit(
            LISTENERS,
            "            if self.concerns(record):\n",
            "            if self.concerns(record):\n                await self._save(stream, record.seq)\n",
        ),
        f"{T_LISTENERS}::test_killed_during_a_delivery_the_next_process_delivers_that_one_again",
    ),
)
