"""Safeguards of the client."""

from tests.campaigns.mutants.mutant import Edit, Mutant, without
from tests.campaigns.mutants.where import (
    ADDRESS,
    ANSWER,
    ASK_WORDS,
    BEGINNING,
    CHAT_LINE,
    CLIENT_TURN,
    CLIENT_WATCH,
    FIND,
    HTTP_CLIENT,
    LIVE_SESSIONS,
    PROOF,
    PRUNE,
    T_ADDRESS,
    T_ANSWER,
    T_ASKING,
    T_BEGINNING,
    T_CLIENT_TURN,
    T_FILES_IN_MESSAGES,
    T_FIND,
    T_LIVE_SESSIONS,
    T_NEIGHBOUR,
    T_ONE_ANSWER,
    T_PRUNE,
    T_TALK,
    T_TRANSPORT,
    T_WATCH,
    TALK,
)

CLIENT: tuple[Mutant, ...] = (
    without(
        "a chat asks for its session under a new key each time",
        "the one key: a server that dies behind the making of a session leaves two",
        Edit(
            BEGINNING,
            "key=self._key",
            "key=None",
        ),
        f"{T_BEGINNING}::test_session_whose_making_was_not_answered_is_made_once",
    ),
    without(
        "a session that was said something to is deleted as if it had not been",
        "the look at the newest record: what was said since a session was listed would be gone with it",
        Edit(
            LIVE_SESSIONS,
            "    if head != state.seq:",
            "    if False:",
        ),
        f"{T_PRUNE}::test_session_that_went_on_since_it_was_looked_at_is_not_deleted",
    ),
    without(
        "a message is sent again under a new key",
        "the one key of a message: a server that dies behind its record gets it a second time",
        Edit(TALK, "post_message(session_id, body, key=key)", "post_message(session_id, body)"),
        f"{T_TALK}::test_first_message_whose_acknowledgement_is_lost_is_said_once",
    ),
    without(
        "what was piped has files sent",
        "the difference between a person's words and text from elsewhere, where `@path` is only text",
        Edit(
            ASK_WORDS,
            "return agent, Entered(own, text, own, self.files)",
            "return agent, Entered(own, text, text, self.files)",
        ),
        f"{T_ASKING}::test_files_are_mentioned_in_words_and_not_in_what_was_piped",
        f"{T_FILES_IN_MESSAGES}::test_ask_takes_text_from_stdin_as_words",
    ),
    without(
        "asked again without its files",
        "the files of a message that is asked again in a fork, which does not share them",
        Edit(CHAT_LINE, ", files=tuple(files))", ")"),
        f"{T_FILES_IN_MESSAGES}::test_message_that_is_asked_again_in_a_fork_has_its_files",
    ),
    without(
        "prune takes what works or waits",
        "the look at what a session does before it is pruned",
        Edit(PRUNE, ' or session.status not in ("active", "completed")', ""),
        f"{T_PRUNE}::test_which_sessions_go",
    ),
    without(
        "prune takes what went on since it was listed",
        "the record that a session was listed with: it is deleted only while that is the newest",
        Edit(PRUNE, "session.session_id, head=session.head)", "session.session_id)"),
        f"{T_PRUNE}::test_session_that_goes_on_while_the_person_is_asked_stays",
    ),
    without(
        "what is under way does not keep a session",
        "the look at what writes nothing meanwhile, such as a long command, before a session is deleted",
        Edit(
            LIVE_SESSIONS,
            "    if session.problem is None and (state.turn is not None or state.has_work):",
            "    if False:",
        ),
        f"{T_LIVE_SESSIONS}::test_what_is_under_way_keeps_a_session_that_is_deleted_by_its_newest_record",
    ),
    without(
        "a client waits for the answer of a session that is paused",
        "the end of the wait when the session is paused from outside",
        Edit(
            CLIENT_TURN,
            '    if now.outcome == "paused":',
            "    if False:",
        ),
        f"{T_CLIENT_TURN}::test_a_message_is_answered_when_its_turn_ends_or_stands_still",
        f"{T_ONE_ANSWER}::test_the_post_the_stream_and_the_client_tell_the_same",
    ),
    without(
        "a pause of the past ends the wait",
        "the wait until the replay has ended: a turn that stood still may have gone on since",
        Edit(
            CLIENT_TURN,
            "            if not live:",
            "            if False:",
        ),
        f"{T_CLIENT_TURN}::test_a_message_is_answered_when_its_turn_ends_or_stands_still",
    ),
    without(
        "a turn that a pause interrupted answers nothing any more",
        "a message is taken up again by the turn after a paused one",
        Edit(
            ANSWER,
            "        self.turn, self._running = turn, True",
            "        self.turn, self._running = self.turn or turn, True",
        ),
        f"{T_ANSWER}::test_what_answers_a_message",
    ),
    without(
        "the client accepts gaps",
        "seq = last + 1: a record that is missing is asked for again",
        Edit(
            CLIENT_WATCH,
            "        if seq != max(self.last + 1, self.oldest):",
            "        if False:",
        ),
        f"{T_WATCH}::test_record_is_shown_once_and_only_behind_the_one_before",
        f"{T_WATCH}::test_a_record_that_is_missing_is_asked_for_again",
    ),
    without(
        "the client shows a record twice",
        "the comparison with the last seq that was seen",
        Edit(
            CLIENT_WATCH,
            "        if seq <= self.last:\n            return False",
            "        if seq <= self.last:\n            return True",
        ),
        f"{T_WATCH}::test_record_is_shown_once_and_only_behind_the_one_before",
    ),
    without(
        "another log under the same id is not noticed",
        "the name of the log in `hello`",
        Edit(
            CLIENT_WATCH,
            "        same = self.log is None or self.log == hello.log",
            "        same = True",
        ),
        f"{T_WATCH}::test_greeting_of_another_log_is_noticed",
    ),
    without(
        "each attempt has a key of its own",
        "the Idempotency-Key of a request that is sent again",
        Edit(
            HTTP_CLIENT,
            "headers=_headers(endpoint, request),",
            "headers=_headers(endpoint, request)"
            ' | ({"Idempotency-Key": new_key()} if request.method == "POST" else {}),',
        ),
        f"{T_TRANSPORT}::test_a_post_whose_answer_is_lost_is_sent_again_and_counts_once",
    ),
    without(
        "a DELETE that finds nothing at its second attempt counts as done",
        "what an attempt that was refused, or never sent, has not done is not told as done",
        Edit(
            HTTP_CLIENT,
            "if response.is_success or (may_be_done and ",
            "if response.is_success or (attempt > 1 and ",
        ),
        f"{T_TRANSPORT}::test_delete_that_was_refused_for_its_old_token_and_finds_nothing_is_not_told_as_done",
        f"{T_TRANSPORT}::test_delete_that_reached_no_server_at_first_is_not_told_as_done",
    ),
    without(
        "the token goes to whoever answers",
        "the comparison of the workspace before the token is shown",
        Edit(
            FIND,
            "    if ready.workspace_hash != expected:",
            "    if False:",
        ),
        f"{T_FIND}::test_the_workspace_token_never_goes_to_another_workspaces_server",
    ),
    without(
        "a server need not prove itself",
        "the proof that a server has the key of this start: whoever got its port would be shown the token",
        Edit(
            FIND,
            "    if not proves(ready.proof, key, nonce, expected, address):",
            "    if False:",
        ),
        f"{T_NEIGHBOUR}::test_who_listens_where_a_living_server_should_must_prove_itself",
    ),
    without(
        "a proof holds at every address",
        "the address in the proof: what one server answers would be passed off as another's",
        Edit(
            PROOF,
            "(_PURPOSE, nonce, workspace_hash, address)",
            "(_PURPOSE, nonce, workspace_hash)",
        ),
        f"{T_NEIGHBOUR}::test_who_listens_where_a_living_server_should_must_prove_itself",
    ),
    without(
        "the token leaves the machine",
        "the workspace's token goes to loopback addresses only",
        Edit(
            ADDRESS,
            "    if parsed is None or not parsed.is_loopback:",
            "    if parsed is None:",
        ),
        f"{T_ADDRESS}::test_the_workspace_token_never_leaves_this_machine",
    ),
)
