"""Safeguards of reading the log, and of recovery."""

from tests.campaigns.mutants.mutant import ASSERTIONS, Edit, Mutant, without
from tests.campaigns.mutants.where import (
    LINE,
    LOG_FILE,
    LOG_OPENING,
    OPENING,
    PIECES,
    RECORD,
    SCAN,
    SEGMENTS,
    STORE_FILES,
    T_BESIDE,
    T_CONTRACT,
    T_CUTS_AND_FLIPS,
    T_RECORD,
    T_ROTATION,
    T_STORE_SAFEGUARDS,
)

READING: tuple[Mutant, ...] = (
    without(
        "no checksum",
        "the comparison of a line with its crc",
        Edit(
            LINE,
            "    if tail[len(_CRC_KEY) :] != b'%08x\"}' % zlib.crc32(head, seed):",
            "    if False:",
        ),
        f"{T_RECORD}::test_any_changed_byte_is_refused",
        f"{T_CUTS_AND_FLIPS}::test_changed_byte_makes_the_session_read_only_and_leaves_the_file_alone",
    ),
    without(
        "the checksum is not seeded",
        "the session's id in the crc: a line of another session counts here too",
        Edit(
            RECORD,
            '    return zlib.crc32(stream_id.encode() + b"\\n")',
            "    return 0",
        ),
        f"{T_RECORD}::test_line_of_another_session_is_refused",
    ),
    without(
        "a gap in the seqs is accepted",
        "the comparison with the seq before: records that are missing are not noticed",
        Edit(
            SCAN,
            "    if seq != walk.seq + 1 and not (first_of_any and is_legacy(line)):",
            "    if False:",
        ),
        f"{T_CUTS_AND_FLIPS}::test_edited_log_is_damaged",
    ),
    without(
        "groups are read record by record",
        "the tx marks when reading: half a batch counts",
        Edit(SCAN, "(walk.tx, tx_of(line))", "(walk.tx, None)"),
        f"{T_CUTS_AND_FLIPS}::test_log_cut_at_every_byte_keeps_each_whole_append_and_saves_the_rest",
    ),
    without(
        "every fault counts as a torn tail",
        "the difference between what was never acknowledged and damage",
        Edit(
            SCAN,
            '"torn" if _is_torn(walk, rest, seed) else "damaged"',
            '"torn"',
        ),
        f"{T_CUTS_AND_FLIPS}::test_changed_byte_makes_the_session_read_only_and_leaves_the_file_alone",
    ),
    without(
        "a valid line behind a hole is cut off too",
        "the look at what stands behind a torn line",
        Edit(
            SCAN,
            "        if tx is None or not seq - tx[0] + 1 <= walk.seq + 1 <= seq:\n            return False",
            "        if False:\n            return False",
        ),
        f"{T_CUTS_AND_FLIPS}::test_record_that_became_a_hole_is_damage_unless_it_is_of_the_last_append",
    ),
    without(
        "a torn tail is not cut off",
        "the truncation at recovery: the next record is glued to half a line",
        Edit(
            LOG_OPENING,
            "            self._disk.truncate(self.fd, found.end)\n",
            "",
        ),
        f"{T_CUTS_AND_FLIPS}::test_log_cut_at_every_byte_keeps_each_whole_append_and_saves_the_rest",
    ),
    without(
        "a torn tail is not saved",
        "events.torn-N: what was cut off cannot be looked at",
        Edit(
            OPENING,
            "        disk.replace(saved[-1], tail)",
            "        saved.pop()",
        ),
        f"{T_CUTS_AND_FLIPS}::test_second_torn_tail_does_not_overwrite_the_first",
        f"{T_CUTS_AND_FLIPS}::test_torn_tail_of_nuls_is_cut_off",
    ),
    without(
        "a second torn tail overwrites the first",
        "the number behind the name of a torn tail",
        Edit(
            OPENING,
            'number = f".{len(saved) + 1}" if saved else ""',
            'number = ""',
        ),
        f"{T_CUTS_AND_FLIPS}::test_second_torn_tail_does_not_overwrite_the_first",
    ),
    without(
        "no fsync at recovery",
        "the sync of what is opened: what a dead process wrote may be in the page cache only",
        Edit(
            LOG_OPENING,
            "            self._disk.sync(self.fd)\n        except OSError:\n            part",
            "            pass\n        except OSError:\n            part",
        ),
        f"{T_STORE_SAFEGUARDS}::test_opening_syncs_what_a_dead_process_may_have_left_unsynced",
    ),
    without(
        "no folder fsync at recovery",
        "the syncs of its folders: the names that a dead process gave may be in memory only",
        Edit(
            LOG_OPENING,
            "        self._disk.sync_folder(self._folder)\n        self._disk.sync_folder(self._folder.parent)\n",
            "",
        ),
        f"{T_STORE_SAFEGUARDS}::test_opening_syncs_what_a_dead_process_may_have_left_unsynced",
    ),
    without(
        "a damaged session is writable",
        "the read-only state after damage",
        Edit(
            LOG_OPENING,
            "            self.damage = self._stream.damaged(ACTIVE, found.line, found.problem, found.seq)\n"
            "            return\n"
            "        try",
            "            pass\n        try",
        ),
        f"{T_CUTS_AND_FLIPS}::test_changed_byte_makes_the_session_read_only_and_leaves_the_file_alone",
        f"{T_CONTRACT}::test_store_tells_damage[files]",
    ),
    without(
        "damage that a read finds is not kept",
        "the note in the claim: writing goes on behind a fault that a read has told",
        Edit(
            STORE_FILES,
            "                mine.damage = mine.damage or log.damage",
            "                pass",
        ),
        f"{T_STORE_SAFEGUARDS}::test_damage_that_a_read_finds_ends_the_writing",
    ),
    without(
        "reads are not checked",
        "the checksum of what is read long after it was opened",
        Edit(
            SEGMENTS,
            "            return self._good(lines, max(seq + 1, self.first))",
            "            return lines",
        ),
        f"{T_CUTS_AND_FLIPS}::test_fault_in_the_middle_of_a_long_log_is_told_at_the_latest_when_it_is_read",
    ),
    without(
        "reads show what is being written",
        "the bound at the acknowledged end",
        Edit(
            LOG_FILE,
            "        if after >= self.head or limit < 1:",
            "        if limit < 1:",
        ),
        f"{T_STORE_SAFEGUARDS}::test_read_shows_nothing_that_is_not_acknowledged",
        f"{T_CONTRACT}::test_store_keeps_its_promise[files-reader_is_shown_what_was_acknowledged_only]",
    ),
    without(
        "a missing sealed file is not noticed",
        "the check that each sealed file begins where the one before ends",
        Edit(
            SEGMENTS,
            "        if first != before + 1:",
            "        if False:",
        ),
        f"{T_ROTATION}::test_fault_in_a_sealed_file_is_told_and_what_is_before_it_served",
    ),
    Mutant(
        "a reader calls damage what it sees once",
        "the second look: between two reads the writer has cut off an append, sealed the file or deleted the session",
        (Edit(PIECES, "            if found in suspected or len(suspected) >= LOOKS:", "            if True:"),),
        (f"{T_BESIDE}::test_what_the_writer_is_just_doing_is_not_called_damage",),
        ASSERTIONS | {"Damaged"},
    ),
)
