"""Safeguards for a machine that has too little of something: descriptors, room on the disk."""

from tests.campaigns.mutants.mutant import Edit, Mutant, without
from tests.campaigns.mutants.where import (
    FOLDER,
    LEFT_FILE,
    LOG_FILE,
    LOG_OPENING,
    OPEN_LOGS,
    SERVE,
    SESSIONS_FOLDER,
    SPOOL,
    T_FAULTS,
    T_OPEN_LOGS,
    T_RUNNER,
    T_SERVE,
    T_SPOOL,
)

SHORTAGE: tuple[Mutant, ...] = (
    without(
        "every session keeps its log open",
        "the bound of open logs: a thousand idle sessions use up the descriptors",
        Edit(OPEN_LOGS, "        surplus = len(self._open) - self._most()", "        surplus = 0"),
        f"{T_OPEN_LOGS}::test_many_sessions_need_a_bounded_number_of_descriptors_and_all_go_on",
    ),
    without(
        "a log that is opened again may be another one",
        "the comparison of inode and size with what was left",
        Edit(LEFT_FILE, "            if problem := self.difference(now):", '            if problem := "":'),
        f"{T_OPEN_LOGS}::test_log_that_was_changed_while_it_was_not_open_is_not_acknowledged",
    ),
    without(
        "a log that was written meanwhile counts as the same",
        "the look at the content of a log with another time",
        Edit(LOG_FILE, "            if touched and not self.damage:", "            if False:"),
        f"{T_OPEN_LOGS}::test_log_that_was_changed_while_it_was_not_open_is_not_acknowledged",
    ),
    without(
        "a log that the disk does not let us mend cannot be read",
        "reading on a disk that takes nothing",
        Edit(LOG_OPENING, "            self._must_be_synced(error)\n", "            raise\n"),
        f"{T_FAULTS}::test_log_whose_recovery_the_disk_refuses_can_be_read_and_goes_on_later",
    ),
    without(
        "a log that was not mended is written",
        "opening a log again before the first append after a refusal",
        Edit(
            LOG_FILE, "        if self._refused:\n            self._open_again()", "        if False:\n            pass"
        ),
        f"{T_FAULTS}::test_log_whose_recovery_the_disk_refuses_can_be_read_and_goes_on_later",
    ),
    without(
        "a sessions folder that could not be made is never made",
        "the second try, by each write",
        Edit(
            SESSIONS_FOLDER,
            "        if self._ready:\n            return\n        try:",
            "        if True:\n            return\n        try:",
        ),
        f"{T_FAULTS}::test_folder_of_sessions_that_cannot_be_made_is_empty_and_made_by_the_first_write",
    ),
    without(
        "commands inherit the raised limit",
        "the limit of descriptors that commands get back: select(2) breaks above 1,023",
        Edit(FOLDER, '        "descriptors": limit_of_commands(),', '        "descriptors": 0,'),
        f"{T_RUNNER}::test_command_gets_the_limit_of_descriptors_that_the_server_was_started_with",
    ),
    without(
        "any number of connections is let in",
        "the bound of connections, which leaves descriptors to the sessions",
        Edit(SERVE, "        elif len(self.connections) > self._connections_max():", "        elif False:"),
        f"{T_SERVE}::test_connection_too_many_is_told_so_and_the_others_go_on",
    ),
    without(
        "a spool that cannot be looked at says that calls are lost",
        "the refusal to say what became of a call before the spool can be read",
        Edit(SPOOL, "        await self.ready()\n        if spool_id", "        if spool_id"),
        f"{T_SPOOL}::test_spool_that_cannot_be_made_yet_knows_nothing_and_is_ready_later",
    ),
)
