"""Safeguards of taking over what duragent v0.5 left."""

from tests.campaigns.mutants.mutant import Edit, Mutant, without

_LINES, _LOG, _MERGE = (f"duragent.journal.legacy.{name}" for name in ("lines", "log", "merge"))
_FILES, _FOLD, _EXPIRY = "duragent.stores.files.legacy", "duragent.streams.recovery", "duragent.session.expiry"
_T_LOG, _T_WORKSPACE = "tests/journal/legacy/test_log.py", "tests/legacy/test_golden_workspace.py"

LEGACY: tuple[Mutant, ...] = (
    without(
        "what only state.json has is forgotten",
        "the messages of state.json where records are gone",
        Edit(
            _MERGE,
            "    if not snapshot.messages or len({record.seq for record in covered}) == snapshot.covered:",
            "    if True:",
        ),
        f"{_T_LOG}::test_all_that_was_said_is_there_once_and_in_order",
        f"{_T_LOG}::test_any_part_that_the_snapshot_covers_may_be_gone",
    ),
    without(
        "what state.json and the log have is there twice",
        "the comparison of messages with records",
        Edit(
            _MERGE,
            '        if what in ("delete", "replace"):',
            '        if what in ("delete", "replace", "equal"):',
        ),
        f"{_T_LOG}::test_any_part_that_the_snapshot_covers_may_be_gone",
    ),
    without(
        "a record behind a cut one on its line is lost",
        "the search for records within a line",
        Edit(
            _LINES,
            "    for start in [match.start() for match in _START.finditer(text)]:",
            "    for start in list[int]():",
        ),
        f"{_T_LOG}::test_all_that_was_said_is_there_once_and_in_order",
    ),
    without(
        "a record that v0.5 wrote twice is there twice",
        "the memory of records that were read before",
        Edit(_LINES, "            if (record.seq, written) not in seen:", "            if True:"),
        f"{_T_LOG}::test_all_that_was_said_is_there_once_and_in_order",
    ),
    without(
        "the agent is not read from state.json",
        "the agent of a log without its beginning",
        Edit(
            _LOG,
            '        agent=snapshot.agent or next((moment.speaker for moment in moments if moment.speaker), ""),',
            '        agent="",',
        ),
        f"{_T_LOG}::test_all_that_was_said_is_there_once_and_in_order",
    ),
    without(
        "the old log is not kept",
        "the copy of v0.5's log",
        Edit(
            _FILES,
            "        disk.replace(folder / view.kept_as, old)",
            "        pass",
        ),
        f"{_T_WORKSPACE}::test_session_goes_on_with_its_whole_past",
    ),
    without(
        "v0.5 that writes meanwhile is not noticed",
        "the comparison of v0.5's files with what they were when they were read",
        Edit(_FILES, "    if _marks(folder) != view.marks:", "    if False:"),
        f"{_T_WORKSPACE}::test_v05_that_writes_meanwhile_is_noticed_before_anything_is_written",
    ),
    without(
        "a state.json that cannot be read now is left out for ever",
        "raising what may be gone in a moment",
        Edit(
            _FILES,
            "    except OddFile as odd:\n        faults",
            "    except OSError:\n        return None\n    except OddFile as odd:\n        faults",
        ),
        f"{_T_WORKSPACE}::test_state_that_cannot_be_read_now_is_waited_for",
    ),
    without(
        "a long log is folded at each start",
        "the summary of a log that had to be read through",
        Edit(_FOLD, "    if state.seq - first >= SUMMARY_RECORDS and ", "    if False and "),
        f"{_T_WORKSPACE}::test_long_old_log_is_summed_up_once",
    ),
    without(
        "old sessions expire before they are continued",
        "the exception for sessions that have no record of ours",
        Edit(_EXPIRY, "        if state.epoch == 0:", "        if False:"),
        f"{_T_WORKSPACE}::test_sessions_expire_only_after_they_were_continued_here",
    ),
)
