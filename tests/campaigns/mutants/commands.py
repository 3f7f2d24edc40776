"""Safeguards of commands, which outlive their server."""

from tests.campaigns.mutants.mutant import Edit, Mutant, without
from tests.campaigns.mutants.where import (
    CHOOSE,
    ENVIRONMENT,
    FOLDER,
    RESOURCE_WATCH,
    RUNNER,
    SPOOL,
    T_CONFINEMENT,
    T_CRASHES,
    T_ENDINGS,
    T_ENVIRONMENT,
    T_HOME,
    T_LIMITS,
    T_PROCESS_FOLDER,
    T_RUNNER,
    T_SPOOL,
    T_WORKSPACE_FOLDER,
    WORKSPACE_FOLDER,
)

COMMANDS: tuple[Mutant, ...] = (
    without(
        "the runner dies with the server",
        "the session of its own: what ends the server's group ends its commands",
        Edit(
            SPOOL,
            "                start_new_session=True,",
            "                start_new_session=False,",
        ),
        f"{T_RUNNER}::test_runner_and_its_command_are_not_of_the_servers_group",
    ),
    without(
        "exit.json is written in place",
        "the rename: half of a result is read as no result",
        Edit(
            RUNNER,
            '    new = f"{folder}/.{EXIT}.{os.getpid()}"',
            '    new = f"{folder}/{EXIT}"',
        ),
        f"{T_RUNNER}::test_end_of_a_command_is_synced_before_it_gets_its_name",
    ),
    without(
        "exit.json is not synced",
        "the sync before the rename: a result that is half there after a power cut",
        Edit(
            RUNNER,
            "        os.fsync(file.fileno())\n    os.rename",
            "    os.rename",
        ),
        f"{T_RUNNER}::test_end_of_a_command_is_synced_before_it_gets_its_name",
    ),
    without(
        "the folder of a call is not synced",
        "the sync of the spool: after a power cut a call that ran counts as never started",
        Edit(
            FOLDER,
            "    sync_folder(folder.parent)",
            "    pass",
        ),
        f"{T_RUNNER}::test_end_of_a_command_is_synced_before_it_gets_its_name",
    ),
    without(
        "two runners may start one call",
        "the exclusive creation of runner.json: whoever comes second starts nothing",
        Edit(
            RUNNER,
            '        file = open(path, "xb")',
            '        file = open(path, "wb")',
        ),
        f"{T_CRASHES}::test_server_that_dies_before_it_spawned_a_runner_has_started_nothing",
        f"{T_RUNNER}::test_call_is_claimed_once",
    ),
    without(
        "a late runner claims what is being removed",
        "the look whether the folder still has its name: who claimed it first may be removed already",
        Edit(RUNNER, " and _is_named(folder)", ""),
        f"{T_SPOOL}::test_runner_that_comes_late_starts_nothing_while_its_folder_is_removed",
    ),
    without(
        "the command begins before it is claimed",
        "the wait of the forked process until runner.json stands",
        Edit(
            RUNNER,
            "        if not os.read(go[0], 1):\n            os._exit(127)\n",
            "",
        ),
        f"{T_CRASHES}::test_server_that_dies_before_it_spawned_a_runner_has_started_nothing",
    ),
    without(
        "a call that was never started is not voided",
        "the claim in its place: a runner that comes late starts what has been given up",
        Edit(
            SPOOL,
            "            voided = await _blocking(files.void, self._root / name)\n",
            "            voided = True\n",
        ),
        f"{T_CRASHES}::test_server_that_dies_before_it_spawned_a_runner_has_started_nothing",
    ),
    without(
        "another spool knows what happened",
        "the id of the spool that a call was started with",
        Edit(
            SPOOL,
            '        if spool_id != self.id:\n            return "unknown"\n',
            "",
        ),
        f"{T_SPOOL}::test_spool_keeps_its_id_and_a_new_one_knows_nothing",
    ),
    without(
        "another process with the number counts as the runner",
        "the start time of a process, beside its number",
        Edit(
            FOLDER,
            "        return not process.dead and process.started == started",
            "        return not process.dead",
        ),
        f"{T_PROCESS_FOLDER}::test_runner_of_another_boot_is_not_alive_whoever_has_its_number_now",
        f"{T_CRASHES}::test_process_that_only_has_the_same_number_is_left_alone",
    ),
    without(
        "results of another boot count as running",
        "the boot id: pids of before mean nothing now",
        Edit(
            FOLDER,
            "    if claim.void or claim.pid < FIRST_PID or claim.boot != runner.boot_id():\n        return False",
            "    if claim.void or claim.pid < FIRST_PID:\n        return False",
        ),
        f"{T_PROCESS_FOLDER}::test_runner_of_another_boot_is_not_alive_whoever_has_its_number_now",
    ),
    without(
        "half of an output counts as whole",
        "the comparison of what is there with what the end says",
        Edit(
            FOLDER,
            "    if how.stored and not (_is_whole(stdout) and _is_whole(stderr)):",
            "    if False:",
        ),
        f"{T_CRASHES}::test_result_that_is_not_whole_is_no_result",
    ),
    without(
        "what a dead runner left behind runs on",
        "the end of a command whose runner was killed",
        Edit(
            SPOOL,
            "            await _blocking(files.kill_survivors, seen.claim)\n        if seen.stage in",
            "            pass\n        if seen.stage in",
        ),
        f"{T_CRASHES}::test_killed_runner_is_noticed_and_its_command_ended",
    ),
    without(
        "only the command itself is ended",
        "the whole group, and who has left it",
        Edit(
            RUNNER,
            "        if not self._reaped:\n"
            "            send(-self._child.pid, number)\n"
            "        for each in self._others():\n"
            "            if each.group != self._child.pid:\n"
            "                send(each.pid, number)",
            "        send(self._child.pid, number)",
        ),
        f"{T_ENDINGS}::test_unwilling_command_is_killed_with_its_children",
    ),
    without(
        "a command has no deadline",
        "the deadline that the runner holds",
        Edit(
            RUNNER,
            "        elif time.monotonic() >= deadline:",
            "        elif False:",
        ),
        f"{T_ENDINGS}::test_late_command_is_ended_at_its_deadline",
    ),
    without(
        "a command may use all processes and all memory",
        "the count of what a command and all that it started use",
        Edit(RESOURCE_WATCH, "        if not self._counts or now < self._next_glance:", "        if True:"),
        f"{T_LIMITS}::test_bomb_is_ended_by_its_limit_which_is_told_and_leaves_nothing[Trust-memory-of-one]",
    ),
    without(
        "a command may write a file of any size",
        "the kernel's limit of a file",
        Edit(RESOURCE_WATCH, "    _set(resource.RLIMIT_FSIZE, limits.file_bytes)\n", ""),
        f"{T_LIMITS}::test_bomb_is_ended_by_its_limit_which_is_told_and_leaves_nothing[Trust-a-sparse-file]",
    ),
    without(
        "commands read the home folder",
        "the empty home in front of it: a list of secrets is never whole",
        Edit(CHOOSE, '    if settings.home == "hidden":', "    if False:"),
        f"{T_HOME}::test_nothing_of_a_home_is_read_whether_it_is_in_a_list_or_not",
    ),
    without(
        "other users can enter a workspace",
        "the mode of the folder, whatever the umask says",
        Edit(WORKSPACE_FOLDER, "0o700 if folder.name == NAME else 0o777", "0o777"),
        f"{T_WORKSPACE_FOLDER}::test_whatever_makes_the_workspace_first_makes_it_its_owners",
    ),
    without(
        "the runner has the server's environment",
        "the empty environment of runners",
        Edit(
            SPOOL,
            "                env=env,\n",
            "",
        ),
        f"{T_RUNNER}::test_runner_is_not_given_the_servers_environment",
    ),
    without(
        "commands have the server's environment",
        "the clean environment: an allow-list of names",
        Edit(
            ENVIRONMENT,
            "    return {name: value for name, value in environ.items() if _goes_on(name, value, asked, keys)}",
            "    return dict(environ)",
        ),
        f"{T_ENVIRONMENT}::test_environment_keeps_what_programs_need_and_no_key",
        f"{T_CONFINEMENT}::test_keys_are_not_in_the_environment_without_a_sandbox_either",
    ),
    without(
        "a key under an innocent name is passed on",
        "the look at values: a password in a proxy's URL",
        Edit(
            ENVIRONMENT,
            "    return not looks_secret(name, value) and not any(key in value for key in keys)",
            "    return True",
        ),
        f"{T_ENVIRONMENT}::test_secret_under_an_innocent_name_is_held_back",
    ),
    without(
        "ids of calls may be paths",
        "the form of ids in the spool",
        Edit(
            SPOOL,
            "        if not _ID.fullmatch(each):\n            raise InvalidRequest",
            "        if False:\n            raise InvalidRequest",
        ),
        f"{T_SPOOL}::test_ids_that_could_be_paths_are_refused",
    ),
)
