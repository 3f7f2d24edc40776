"""Safeguards of what rests beside the log: blobs, snapshots, the list, the lock."""

from tests.campaigns.mutants.mutant import ASSERTIONS, Edit, Mutant, without
from tests.campaigns.mutants.where import (
    BLOBS,
    CLAIMS,
    DELETION,
    FOLD,
    INDEX,
    LOCK,
    LOG_WRITER,
    SESSIONS_FOLDER,
    SNAPSHOT,
    T_FAULTS,
    T_LOCK,
    T_RECOVERY,
    T_SESSION_SAFEGUARDS,
    T_SNAPSHOT,
    T_STORE_SAFEGUARDS,
    T_TWO_WRITERS,
)

BESIDE: tuple[Mutant, ...] = (
    without(
        "a blob is not verified",
        "the comparison of a blob with its name",
        Edit(
            BLOBS,
            "        if hashlib.sha256(data).hexdigest() == sha256:",
            "        if True:",
        ),
        f"{T_STORE_SAFEGUARDS}::test_changed_or_absent_blob_is_damage",
    ),
    without(
        "a blob is not made durable",
        "the syncs of a blob, before the line that refers to it",
        Edit(
            BLOBS,
            "    disk.replace(path, data)",
            "    disk.replace(path, data, durable=False)",
        ),
        f"{T_STORE_SAFEGUARDS}::test_blob_is_durable_with_its_names",
    ),
    without(
        "the blobs folder is not made durable",
        "the sync of the folder that the blobs folder is in",
        Edit(
            BLOBS,
            "    disk.sync_folder(folder)\n",
            "",
        ),
        f"{T_STORE_SAFEGUARDS}::test_blob_is_durable_with_its_names",
    ),
    Mutant(
        "a blob behind the line that refers to it",
        "the order: first the text, then the line",
        (
            Edit(
                LOG_WRITER,
                "                    await self._ports.store.put_blob(self.claim, name, data)",
                "                    pass",
            ),
            Edit(
                LOG_WRITER,
                "            self.last_crc = crc_of(lines[-1])",
                "            self.last_crc = crc_of(lines[-1])\n"
                "            for name, data in [item for line in encoded for item in line.blobs.items()]:\n"
                "                await self._ports.store.put_blob(self.claim, name, data)",
            ),
        ),
        (f"{T_SESSION_SAFEGUARDS}::test_blob_is_stored_before_the_line_that_refers_to_it",),
    ),
    without(
        "delete without a tombstone",
        "the rename before the removal: a deletion that is cut short leaves half a session",
        Edit(
            DELETION,
            "        disk.rename(folder, gone)\n",
            "        shutil.rmtree(folder)\n",
        ),
        f"{T_STORE_SAFEGUARDS}::test_deletion_takes_the_name_away_durably_before_anything_is_removed",
    ),
    without(
        "a deletion is not made durable",
        "the folder sync: after a power cut the session is back",
        Edit(
            DELETION,
            '    crashpoint("delete.renamed")\n    disk.sync_folder(root)\n',
            '    crashpoint("delete.renamed")\n',
        ),
        f"{T_STORE_SAFEGUARDS}::test_deletion_takes_the_name_away_durably_before_anything_is_removed",
    ),
    without(
        "tombstones go before their names are durable",
        "the sync before a deletion is finished: after a power cut a part of the session is back",
        Edit(
            SESSIONS_FOLDER,
            "            self._disk.sync_folder(self._path)\n",
            "            pass\n",
        ),
        f"{T_STORE_SAFEGUARDS}::test_sessions_folder_is_durable_with_its_name_and_tombstones_before_they_go",
    ),
    without(
        "a deletion that was cut short stays",
        "the clearing away of tombstones at the start",
        Edit(
            SESSIONS_FOLDER,
            "            shutil.rmtree(self._path / name, ignore_errors=True)",
            "            pass",
        ),
        f"{T_FAULTS}::test_deletion_that_was_cut_short_is_finished_at_the_next_start",
    ),
    without(
        "a snapshot is trusted whatever it stands at",
        "the comparison of a snapshot with the crc of its record",
        Edit(
            FOLD,
            "    return saved.state if line and crc_of(line) == saved.last_crc else fresh",
            "    return saved.state",
        ),
        f"{T_SESSION_SAFEGUARDS}::test_snapshot_of_another_history_counts_as_absent",
    ),
    without(
        "an edited snapshot is trusted",
        "the checksum of the snapshot's own bytes",
        Edit(
            SNAPSHOT,
            '        if not mark or len(data) > MAX_BYTES or checksum != b"%08x\\n" % zlib.crc32(body):',
            "        if not mark:",
        ),
        f"{T_RECOVERY}::test_a_lost_or_wrong_snapshot_is_harmless[edited]",
        f"{T_SNAPSHOT}::test_edited_snapshot_counts_as_absent",
    ),
    Mutant(
        "a snapshot ahead of the log is passed over",
        "the conclusion that the log has lost something",
        (
            Edit(
                FOLD,
                "    if saved.state.seq > claim.head:",
                "    if False:",
            ),
        ),
        (f"{T_RECOVERY}::test_a_log_that_lost_its_end_to_somebody_is_damaged",),
        ASSERTIONS | {"KeyError"},
    ),
    without(
        "a snapshot of another session is trusted",
        "the comparison of the session's id",
        Edit(
            SNAPSHOT,
            "facts.get(self.id_field) != stream_id",
            "False",
        ),
        f"{T_SESSION_SAFEGUARDS}::test_snapshot_of_another_session_counts_as_absent",
    ),
    without(
        "the list is trusted though the log has changed",
        "the mark of each log in the index",
        Edit(
            INDEX,
            "            elif row.mark != listed.mark or row.problem:",
            "            elif row.problem:",
        ),
        f"{T_RECOVERY}::test_the_index_is_trusted_only_while_the_log_is_what_it_was",
    ),
    without(
        "the lock is not taken",
        "flock: two servers write into one workspace",
        Edit(
            LOCK,
            "    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)",
            "    pass",
        ),
        f"{T_LOCK}::test_second_process_is_refused_and_told_who_holds_it",
    ),
    without(
        "the lock is inherited by children",
        "a command that outlives a killed server keeps the workspace locked",
        Edit(
            LOCK,
            "    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)",
            "    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)\n    os.set_inheritable(fd, True)",
        ),
        f"{T_LOCK}::test_lock_is_free_after_kill_9_though_a_child_lives_on",
    ),
    Mutant(
        "POSIX locks instead of flock",
        "a lock that is not lost when any descriptor of the file is closed",
        (
            Edit(LOCK, "            _lock(folder_fd)\n", ""),
            Edit(LOCK, "    fcntl.flock(fd, fcntl.LOCK_EX", "    fcntl.lockf(fd, fcntl.LOCK_EX"),
        ),
        (f"{T_LOCK}::test_lock_is_exclusive_within_a_process_until_it_is_released",),
    ),
    without(
        "only the lock's file is locked",
        "the lock on the folder: somebody removes the file, and a second server makes a new one",
        Edit(LOCK, "            _lock(folder_fd)\n", ""),
        f"{T_LOCK}::test_the_lock_holds_also_when_somebody_removes_its_file",
    ),
    Mutant(
        "the sessions folder is not locked",
        "the lock on the folder that is written: two workspaces that name it lose acknowledged messages",
        (
            Edit(SESSIONS_FOLDER, "                self._lock.hold()\n", "                pass\n"),
            Edit(SESSIONS_FOLDER, "        self._lock.hold()\n        # Also", "        # Also"),
        ),
        (f"{T_TWO_WRITERS}::test_two_servers_in_one_process_cannot_share_a_folder_either",),
        ASSERTIONS | {"DuragentError"},
    ),
    without(
        "a sessions folder that was moved away is not noticed",
        "the look whether the locked folder still has its name, before an acknowledgement",
        Edit(CLAIMS, "        done = work()\n        # Before", "        return work()\n        # Before"),
        f"{T_LOCK}::test_nothing_is_acknowledged_when_the_folder_was_replaced_during_the_write",
    ),
    without(
        "network file systems are taken",
        "the refusal of file systems whose locks and syncs mean little",
        Edit(
            LOCK,
            "    if kind in _NETWORK_KINDS:",
            "    if False:",
        ),
        f"{T_LOCK}::test_network_file_systems_are_told_by_the_mount_that_is_nearest",
    ),
)
