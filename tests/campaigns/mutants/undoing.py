"""Safeguards of what is kept of files, of undos, and of people's commands."""

from tests.campaigns.mutants.mutant import Edit, Mutant, without
from tests.campaigns.mutants.where import ACTOR, ADMIT, DETACH, PATHS, T_PATHS

_CHECKPOINT = "tests/turn/test_checkpoint.py"
_UNDO = "tests/session/test_undo.py"
_COMMAND = "tests/turn/test_persons_command.py"

UNDOING: tuple[Mutant, ...] = (
    without(
        "a file is overwritten that is not what was kept",
        "the look at a file before it is replaced: only what the log keeps may go",
        Edit(
            "duragent.tools.files.found",
            "    if name in kept and kept[name] != found.sha256:\n",
            "    if False:\n",
        ),
        f"{_CHECKPOINT}::test_a_file_that_is_not_what_was_kept_stays_as_it_is[something else]",
    ),
    without(
        "nothing is kept of a file",
        "the blob of what a call overwrites",
        Edit(
            "duragent.turn.host",
            "    await when_there_is_room(host, clock, partial(store.put_blob, host.claim, sha, data))\n",
            "",
        ),
        f"{_CHECKPOINT}::test_what_is_overwritten_edited_and_made_is_kept_with_its_mode",
    ),
    without(
        "an undo replaces what others made",
        "the look at a file before it is put back",
        Edit(
            "duragent.tools.files.restore",
            "        if found.sha256 != file.now:\n            return",
            "        if False:\n            return",
        ),
        f"{_UNDO}::test_an_undo_that_was_begun_is_finished_at_the_next_start",
    ),
    without(
        "an undo is planned over what others made",
        "the refusal of a file that is not as the turn left it",
        Edit("duragent.journal.changes", "    elif not force and now not in plan.left:\n", "    elif False:\n"),
        f"{_UNDO}::test_what_others_made_of_a_file_stays[changed]",
        "tests/journal/test_changes.py::test_what_an_undo_does_with_a_file",
    ),
    without(
        "an undo takes back what was done between two edits",
        "the refusal of a file that others changed in the middle of the turn",
        Edit("duragent.journal.changes", "    elif not force and plan.others_at:\n", "    elif False:\n"),
        f"{_UNDO}::test_what_a_command_changed_between_two_edits_is_not_taken_back_without_force",
    ),
    without(
        "what others made is lost when it is undone by force",
        "the blob of what an undo replaces",
        Edit(
            "duragent.session.undo",
            "    if file is not None and not file.refused and content is not None and now not in plan.left:\n",
            "    if False:\n",
        ),
        f"{_UNDO}::test_force_replaces_what_others_made_and_keeps_it",
    ),
    without(
        "an undo removes what others made at the last moment",
        "the look at a file right before it is removed",
        Edit(PATHS, "        _must_be_as_seen(there, seen, spot)\n        os.unlink(", "        os.unlink("),
        f"{T_PATHS}::test_only_the_file_that_was_looked_at_is_removed",
    ),
    without(
        "an undo begins in the middle of a turn",
        "the refusal of an undo while the agent is at work",
        Edit(ADMIT, "    if state.turn is not None or (state.waiting and not state.paused):\n", "    if False:\n"),
        f"{_UNDO}::test_an_undo_waits_for_no_turn_and_no_turn_begins_before_it_is_over",
    ),
    without(
        "a copy goes on with undos and commands of the original",
        "the end of undos and people's commands in a copy",
        Edit(DETACH, "    events = beside_turns.wound_up(state, why)\n", "    events: list[Event] = []\n"),
        "tests/journal/test_beside_turns.py::test_a_copy_of_the_log_winds_both_up",
    ),
    without(
        "an undo follows links",
        "a link on the way to a file that is put back",
        Edit("duragent.tools.files.restore", '    if real != named or ".." in Path(path).parts:\n', "    if False:\n"),
        f"{_UNDO}::test_what_others_made_of_a_file_stays[folder is a link]",
    ),
    without(
        "a turn begins in the middle of an undo",
        "the wait of a turn for the undo that is under way",
        Edit(
            "duragent.journal.next_step",
            "can_start = state.waiting and state.undoing is None and",
            "can_start = state.waiting and",
        ),
        "tests/journal/test_beside_turns.py::test_no_turn_begins_while_an_undo_is_under_way",
    ),
    without(
        "a person's command runs before it is in the log",
        "the order: command_requested is durable before the command runs",
        Edit(
            ACTOR,
            "                await self._ports.workbench.spool.ready()\n",
            "                await self._ports.workbench.spool.ready()\n"
            "                agent, spool = self._ports.agents.get(self.state.agent), self._ports.workbench.spool\n"
            "                confined = self._ports.workbench.confined(\n"
            "                    agent, self._ports.workbench.places(agent), self.id\n"
            "                )\n"
            '                early = confined(["bash", "-c", posted.command])\n'
            '                commands = spool.commands(self.id, "command_early", lambda _: None)\n'
            "                self._ports.spawn(commands.run(early, timeout_seconds=9.0))\n",
        ),
        f"{_COMMAND}::test_it_runs_only_when_its_request_is_durable",
    ),
    without(
        "a person's command runs again",
        "the look at the spool before a person's command is started",
        Edit(
            "duragent.turn.persons_command",
            '        if evidence == "unknown":\n',
            '        evidence = "never_started"\n        if evidence == "unknown":\n',
        ),
        f"{_COMMAND}::test_one_of_another_spool_may_have_run_and_is_not_run_again",
    ),
    without(
        "a person's command is forgotten before its end is in the log",
        "the order: command_finished is durable before the spool forgets",
        Edit(
            "duragent.turn.persons_command",
            "        await when_there_is_room(self._host, self._ports.clock, lambda: self._host.commit(decide))\n",
            "        await self._ports.workbench.spool.forget(self._host.claim.stream_id, finished.command_id)\n"
            "        await when_there_is_room(self._host, self._ports.clock, lambda: self._host.commit(decide))\n",
        ),
        f"{_COMMAND}::test_its_result_is_kept_until_it_is_in_the_log",
    ),
    without(
        "the policy's denials do not hold for people",
        "the policy's denials for a person's own command",
        Edit("duragent.turn.persons_command", " if isinstance(verdict, Deny) else ", " if False else "),
        f"{_COMMAND}::test_what_the_policy_denies_is_denied_to_people_too[ask-denied]",
    ),
)
