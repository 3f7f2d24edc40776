"""Safeguards of an agent's memory: nothing a person saved is lost, and nothing counts that only a file claims."""

from tests.campaigns.mutants.mutant import Edit, Mutant, without

_ACTOR, _FILES, _FOLDER = "duragent.mind.actor", "duragent.mind.files", "duragent.memory.folder"
_T_ACTOR, _T_FOLDER = "tests/mind/test_actor.py", "tests/memory/test_folder.py"
_T_EDITOR = "tests/mind/scenarios/test_editor_meanwhile.py::test_no_text_is_lost"
_SAID, _SESSION_MEMORY = "duragent.mind.said_source", "duragent.session.session_memory"
_T_COMMANDS = "tests/mind/test_commands.py"
_T_POWER = "tests/campaigns/test_power_cut_memory.py::test_power_cut_while_a_memory_is_written"

MINDS: tuple[Mutant, ...] = (
    without(
        "reflect overwrites what it has not read",
        "the comparison of a file with what the session read",
        Edit(
            _ACTOR,
            "            elif now.sha256 not in (before_sha256, ",
            "            elif now.sha256 not in (now.sha256, ",
        ),
        f"{_T_ACTOR}::test_whole_file_is_replaced_only_when_it_is_what_was_read",
    ),
    without(
        "a write does not compare",
        "the comparison of a file with what the writer names",
        Edit(_FOLDER, "        if before.sha256 != before_sha256:\n", "        if False:\n"),
        f"{_T_FOLDER}::test_write_wants_what_the_writer_saw",
    ),
    without(
        "what a person saves in the last moment is lost",
        "the second look at what was replaced",
        Edit(_FOLDER, "        if now == before_sha256:\n", "        if True:\n"),
        f"{_T_FOLDER}::test_what_a_person_saves_in_the_last_moment_is_kept",
        _T_EDITOR,
    ),
    without(
        "a file is written that the log knows nothing of",
        "the record of a write that is begun",
        Edit(_FILES, "        await self._log.commit(lambda _: [planned])\n", ""),
        f"{_T_ACTOR}::test_note_stands_in_the_file_and_its_record_in_the_log_without_its_text",
    ),
    without(
        "a comment says how far its note is trusted",
        "that a comment vouches for nothing",
        Edit(_ACTOR, '_TRUST_OF[file.by] if file is not None else "owner"', "note.trust"),
        f"{_T_ACTOR}::test_comment_vouches_for_nothing_whoever_wrote_it",
    ),
    without(
        "other words under a known id are trusted as the first ones",
        "the words in what the log vouches for",
        Edit(
            _ACTOR,
            " and known.sha == text_sha256(note.text)[:SHA_DIGITS]:\n            return known",
            ":\n            return known",
        ),
        f"{_T_ACTOR}::test_what_a_person_changed_is_seen_at_the_next_start",
    ),
    without(
        "a file that nobody vouches for is trusted after the next note",
        "that a note more says nothing of the rest of its file",
        Edit("duragent.journal.mind.apply", "        author = known.by\n", "        pass\n"),
        "tests/journal/mind/test_apply.py::test_file_that_nobody_vouches_for_is_not_vouched_for_by_a_note_more",
        f"{_T_ACTOR}::test_comment_vouches_for_nothing_whoever_wrote_it",
    ),
    without(
        "a note is written twice after a crash",
        "the look whether the call has written it",
        Edit(
            "duragent.memory.writes",
            "    if any(placed.note.id == note.id",
            "    if False and any(placed.note.id == note.id",
        ),
        "tests/memory/test_writes.py::test_note_is_added_once",
    ),
    without(
        "a text that was not replaced is kept",
        "the removal of the copy when a write is refused",
        Edit(_FILES, "            await self.drop_unused(before.sha256)\n            raise\n", "            raise\n"),
        f"{_T_ACTOR}::test_text_of_a_write_that_was_refused_is_kept_nowhere",
    ),
    without(
        "earlier versions are kept for ever",
        "the removal of what is too old for undo",
        Edit(_FILES, "            if version.sha256 and version.sha256 not in kept:\n", "            if False:\n"),
        f"{_T_ACTOR}::test_versions_that_are_too_old_are_dropped",
    ),
    without(
        "a forgotten note stands in an earlier version",
        "the look for its words in the copies",
        Edit(
            _ACTOR,
            "        versions = await self.versions_holding(lambda text: note.text in text)\n",
            "        versions: Sequence[str] = ()\n",
        ),
        f"{_T_ACTOR}::test_forgotten_note_is_in_no_file_and_no_blob",
    ),
    without(
        "a command's work is a person's when another one begins",
        "the look at how many commands run",
        Edit(_ACTOR, "if mind.commands or mind.state.commands else", "if mind.state.commands else"),
        f"{_T_COMMANDS}::test_second_command_at_the_same_time_does_not_take_the_first_ones_work_for_a_persons",
    ),
    without(
        "a command's work that could not be looked at is a person's later",
        "the look at what the log says of commands",
        Edit(_ACTOR, "if mind.commands or mind.state.commands else", "if mind.commands else"),
        f"{_T_COMMANDS}::test_command_whose_work_could_not_be_looked_at_leaves_no_command_running",
    ),
    without(
        "the bytes of a memory's file are not on the disk",
        "the sync before a file gets its name",
        Edit(_FOLDER, "            self.disk.sync(fd)\n", ""),
        _T_POWER,
    ),
    without(
        "the name of a memory's file is not on the disk",
        "the sync of the folder of a memory's file",
        Edit(
            _FOLDER,
            '        self.disk.sync_folder(path.parent)\n        crashpoint("memory.written")',
            '        crashpoint("memory.written")',
        ),
        _T_POWER,
    ),
    without(
        "a search shows everybody's notes",
        "the scopes that a session reads",
        Edit("duragent.memory.search", '(scope in self.scopes or f"{kind}:*" in self.scopes)', "True"),
        "tests/memory/test_index.py::test_notes_of_other_scopes_are_not_found",
    ),
    without(
        "a call goes on from what another one began with",
        "the comparison of a write that was begun with the one that is asked for",
        Edit("duragent.mind.records", "before.before_sha256 if is_same else None", "before.before_sha256"),
        f"{_T_ACTOR}::test_call_that_a_kill_cut_short_goes_on_from_what_it_began_with",
    ),
    without(
        "a page is forgotten when the log is read in two parts",
        "that a session's mark says whether something came from outside",
        Edit(_SAID, "else before.seq, touched, scope)", "else before.seq, False, scope)"),
        "tests/mind/test_said_source.py::test_what_came_from_outside_is_known_after_a_cut_too",
    ),
    without(
        "an answer to somebody is the owner's when the log is read in two parts",
        "that a session's mark says to whom the newest message belongs",
        Edit(_SAID, "_runs(records, before.scope, chat)", "_runs(records, OWNER, chat)"),
        "tests/mind/test_said_source.py::test_answers_belong_to_whom_they_were_given_also_after_a_cut",
    ),
    without(
        "the tool shows a file that a command wrote",
        "the look who changed MEMORY.md",
        Edit(_SESSION_MEMORY, "        self._refuse_unattributed(LONG_TERM)\n", ""),
        "tests/session/test_session_memory.py::test_file_that_a_command_changed_is_shown_to_nobody",
    ),
    without(
        "vectors of another length are not computed again",
        "the word to the outbox that vectors were taken out",
        Edit("duragent.memory.recall", "                self.lost_vectors()\n", "                pass\n"),
        "tests/mind/test_agent_memory.py::test_vectors_of_another_length_are_computed_again",
    ),
    without(
        "a session that is deleted while the index is busy stays in its file",
        "the last look, before the work ends, for what was deleted meanwhile",
        Edit("duragent.mind.agent_memory", " and not self._index.has_traces:", ":"),
        "tests/mind/test_agent_memory.py::test_session_that_is_deleted_while_vectors_are_computed_leaves_no_trace",
    ),
)
