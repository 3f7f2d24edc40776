"""Safeguards of writing the log."""

from tests.campaigns.mutants.mutant import ASSERTIONS, Edit, Mutant, without
from tests.campaigns.mutants.where import (
    ACKNOWLEDGED,
    CLAIMS,
    DISK,
    LEFT_FILE,
    LOG_FILE,
    LOG_OPENING,
    SAFE_READ,
    SEGMENTS,
    SESSIONS_FOLDER,
    T_CONTRACT,
    T_DISK,
    T_FAULTS,
    T_MEDDLING,
    T_ROTATION,
    T_STORE_SAFEGUARDS,
)

WRITING: tuple[Mutant, ...] = (
    without(
        "no fdatasync on append",
        "the sync before the acknowledgement: what is in the page cache only is lost with the power",
        Edit(
            LOG_FILE,
            "            self._disk.sync(self._fd)\n"
            "        except OSError as error:\n"
            "            self._start_over(error)",
            "            pass\n        except OSError as error:\n            self._start_over(error)",
        ),
        f"{T_STORE_SAFEGUARDS}::test_append_is_written_then_synced_then_acknowledged",
        f"{T_FAULTS}::test_failed_fsync_is_not_tried_again_on_the_same_file",
    ),
    without(
        "a sync that syncs nothing",
        "the call of fdatasync itself",
        Edit(
            DISK,
            "        _sync_data(fd)",
            "        pass",
        ),
        f"{T_DISK}::test_disk_really_syncs_files_and_folders",
    ),
    without(
        "a sync that failed may succeed later",
        "the memory of failed syncs: the kernel has marked the lost pages as clean",
        Edit(DISK, "        if failed_syncs and _file(fd) in failed_syncs:", "        if False:"),
        f"{T_DISK}::test_sync_that_failed_never_succeeds_later",
    ),
    without(
        "no fsync of the folder that the sessions folder is in",
        "the sync of the workspace: after a power cut all sessions have no name",
        Edit(SESSIONS_FOLDER, "        self._disk.sync_folder(self._path.parent)", "        pass"),
        f"{T_STORE_SAFEGUARDS}::test_sessions_folder_is_durable_with_its_name_and_tombstones_before_they_go",
    ),
    without(
        "a folder sync that syncs nothing",
        "the call of fsync for folders",
        Edit(
            DISK,
            "            os.fsync(fd)",
            "            pass",
        ),
        f"{T_DISK}::test_disk_really_syncs_files_and_folders",
    ),
    without(
        "no fsync of a new log's folder",
        "the sync of the session's folder: after a power cut the log has no name",
        Edit(
            LOG_FILE,
            "            self._disk.sync_folder(self._folder)\n        except (OSError, StoreFull",
            "            pass\n        except (OSError, StoreFull",
        ),
        f"{T_STORE_SAFEGUARDS}::test_new_session_is_durable_with_its_names",
    ),
    without(
        "no fsync of the sessions folder",
        "the sync of the folder above: after a power cut the session's folder has no name",
        Edit(
            LOG_FILE,
            '        self._disk.sync_folder(self._folder.parent)\n        crashpoint("log.folder_made")',
            '        crashpoint("log.folder_made")',
        ),
        f"{T_STORE_SAFEGUARDS}::test_new_session_is_durable_with_its_names",
    ),
    without(
        "no fsync of a file before its rename",
        "the sync of the temporary file: after a power cut the replaced one is empty",
        Edit(
            DISK,
            "                self.sync(fd)",
            "                pass",
        ),
        f"{T_DISK}::test_replaced_file_is_synced_before_it_gets_its_name_and_its_folder_after",
    ),
    without(
        "no fsync of the folder after a rename",
        "the sync of the folder: after a power cut the old file is back",
        Edit(
            DISK,
            "            self.sync_folder(path.parent)",
            "            pass",
        ),
        f"{T_DISK}::test_replaced_file_is_synced_before_it_gets_its_name_and_its_folder_after",
    ),
    without(
        "replace writes in place",
        "the temporary file: who is killed in between leaves half of the new content",
        Edit(
            DISK,
            'temporary = path.with_name(f".{path.name}.new")',
            "temporary = path",
        ),
        f"{T_DISK}::test_replaced_file_is_synced_before_it_gets_its_name_and_its_folder_after",
    ),
    without(
        "short writes are not finished",
        "the loop over writes that the kernel cut short",
        Edit(
            DISK,
            "        while view:\n",
            "        if view:\n",
        ),
        f"{T_DISK}::test_disk_finishes_writes_that_the_kernel_cut_short",
    ),
    without(
        "no undo after a failed write",
        "the truncation to the acknowledged end: half a record stays in the log",
        Edit(
            LOG_FILE,
            "            self._disk.truncate(self._fd, self._end)",
            "            pass",
        ),
        f"{T_FAULTS}::test_full_disk_refuses_leaves_no_trace_and_goes_on_when_there_is_room",
    ),
    without(
        "a failed undo does not stop the writer",
        "the refusal to go on behind a half line",
        Edit(
            LOG_FILE,
            '            raise self._given_up("cannot be written", second) from error\n'
            "        raise self.stream.nothing_stored(in_words(error))",
            "            pass\n        raise self.stream.nothing_stored(in_words(error))",
        ),
        f"{T_STORE_SAFEGUARDS}::test_writer_whose_undo_failed_writes_no_more",
    ),
    without(
        "fsync is tried again on the same file",
        "the new file after a failed fsync: the kernel has marked the lost pages as clean",
        Edit(
            LOG_FILE,
            "            self._start_over(error)",
            "            self._disk.sync(self._fd)",
        ),
        f"{T_FAULTS}::test_failed_fsync_is_not_tried_again_on_the_same_file",
    ),
    without(
        "what was acknowledged is not read back",
        "the check of the prefix that is copied after a failed fsync",
        Edit(
            ACKNOWLEDGED,
            "    if not part.is_in(kept):",
            "    if False:",
        ),
        f"{T_FAULTS}::test_failed_fsync_of_a_log_that_cannot_be_read_back_leaves_the_file_as_it_is",
    ),
    without(
        "no inode check",
        "the check that the open file still has the log's name (git checkout, sed -i)",
        Edit(
            LEFT_FILE,
            "        if (now.device, now.inode) != (self.device, self.inode):",
            "        if False:",
        ),
        f"{T_MEDDLING}::test_log_that_somebody_else_changed_is_not_acknowledged_and_the_good_copy_kept",
        f"{T_MEDDLING}::test_change_during_an_append_is_noticed_before_the_acknowledgement",
    ),
    without(
        "no size check",
        "the check that nobody else has appended or cut",
        Edit(
            LEFT_FILE,
            "if now.size != self.size else None",
            "if False else None",
        ),
        f"{T_MEDDLING}::test_log_that_somebody_else_changed_is_not_acknowledged_and_the_good_copy_kept",
    ),
    without(
        "a removed log is not noticed",
        "the check that the log's name is still there",
        Edit(
            LEFT_FILE,
            '        return "it was removed"',
            "        return None",
        ),
        f"{T_MEDDLING}::test_log_that_somebody_else_changed_is_not_acknowledged_and_the_good_copy_kept",
    ),
    without(
        "no look behind the write",
        "the same checks between the sync and the acknowledgement",
        Edit(
            LOG_FILE,
            "        self._must_be_unchanged(self._end + len(data))\n",
            "",
        ),
        f"{T_MEDDLING}::test_change_during_an_append_is_noticed_before_the_acknowledgement",
    ),
    Mutant(
        "no good copy of a changed log",
        "events.conflict-N: what was acknowledged is lost with the file that was replaced",
        (
            Edit(
                ACKNOWLEDGED,
                "        disk.replace(saved, kept)",
                "        pass",
            ),
        ),
        (f"{T_MEDDLING}::test_log_that_somebody_else_changed_is_not_acknowledged_and_the_good_copy_kept",),
        ASSERTIONS | {"FileNotFoundError"},
    ),
    without(
        "the writer's place is not compared",
        "`expect`: an append somewhere else than at the head is refused",
        Edit(
            LOG_FILE,
            "        if expect != self.head:",
            "        if False:",
        ),
        f"{T_CONTRACT}::test_store_keeps_its_promise[files-append_somewhere_else_is_refused_and_changes_nothing]",
    ),
    without(
        "an ended claim goes on writing",
        "the fence: only the newest claim may write",
        Edit(
            CLAIMS,
            "        if mine is not claim or mine.over:",
            "        if mine is None:",
        ),
        f"{T_CONTRACT}::test_store_keeps_its_promise[files-second_claim_ends_the_first]",
    ),
    without(
        "a session is made over an old one",
        "the refusal to take over a folder that has records",
        Edit(
            LOG_OPENING,
            "has_log(disk, folder) and not is_without_record(disk, path, stream.seed)",
            "False",
        ),
        f"{T_CONTRACT}::test_store_keeps_its_promise[files-session_is_created_once]",
        f"{T_FAULTS}::test_log_that_is_damaged_from_its_first_record_on_is_not_taken_over",
    ),
    without(
        "an append ends with its caller",
        "the shield: a client that goes away must not leave a write under way behind",
        Edit(
            CLAIMS,
            "        return await shielded(one_at_a_time())",
            "        return await one_at_a_time()",
        ),
        f"{T_STORE_SAFEGUARDS}::test_next_call_waits_for_an_append_whose_caller_went_away",
    ),
    Mutant(
        "a link in place of a log is followed",
        "O_NOFOLLOW and the look before it: records are appended to whatever somebody linked to",
        (
            Edit(SAFE_READ, "os.stat(path, follow_symlinks=False)", "os.stat(path)"),
            Edit(SAFE_READ, "flags | os.O_NOFOLLOW |", "flags |"),
        ),
        (f"{T_MEDDLING}::test_symbolic_link_in_place_of_a_log_is_refused",),
    ),
    without(
        "no folder fsync between the old name and the new file",
        "the seal: the new file could be on the disk when the old one has no name yet",
        Edit(
            SEGMENTS,
            "when the old one has none yet.\n        disk.sync_folder(folder)\n",
            "when the old one has none yet.\n",
        ),
        f"{T_STORE_SAFEGUARDS}::test_sealing_is_durable_before_anything_is_written_behind_it",
    ),
    without(
        "no folder fsync when a log is sealed",
        "the sync behind the new file: after a power cut it has no name",
        Edit(
            SEGMENTS,
            "        disk.sync_folder(folder)\n    except OSError:",
            "        pass\n    except OSError:",
        ),
        f"{T_STORE_SAFEGUARDS}::test_sealing_is_durable_before_anything_is_written_behind_it",
    ),
    without(
        "the old file is not sealed",
        "the rename of a full log: it is begun anew over what was acknowledged",
        Edit(
            SEGMENTS,
            "        disk.rename(path, sealed.path)",
            "        disk.unlink(path)",
        ),
        f"{T_ROTATION}::test_log_of_several_files_is_read_as_one_in_both_directions",
    ),
)
