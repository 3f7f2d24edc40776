"""Safeguards against other users, web pages, and commands of other workspaces; and of keys, which none of them sees."""

from tests.campaigns.mutants.mutant import Edit, Mutant, without
from tests.campaigns.mutants.where import (
    AUTH,
    CONNECTIONS,
    EQUIPMENT,
    FIND,
    KEYS,
    KEYS_COMMAND,
    LIVE_SESSIONS,
    PEERS,
    PRIVATE_FOLDER,
    SERVE,
    T_AUTH,
    T_AUTH_LOCAL,
    T_CONNECTIONS,
    T_KEYS,
    T_KEYS_COMMAND,
    T_NEIGHBOUR,
    T_NEIGHBOUR_SANDBOX,
    T_PRIVATE_FOLDER,
    T_TMP,
)

NEIGHBOURS: tuple[Mutant, ...] = (
    without(
        "the address of a dead server is believed",
        "the look whether the process of an address lives",
        Edit(FIND, "    if is_gone(address.pid, address.started_at):", "    if False:"),
        f"{T_NEIGHBOUR}::test_after_kill_9_the_old_address_is_not_trusted_and_the_next_start_has_a_new_token",
    ),
    without(
        "anybody may listen on the Unix socket",
        "the client's question to the kernel whose the other end is",
        Edit(
            FIND,
            "    if uid is not None and uid != os.getuid():\n        raise ServerUnreachable(str(path)",
            "    if False:\n        raise ServerUnreachable(str(path)",
        ),
        f"{T_NEIGHBOUR}::test_a_socket_on_which_another_user_listens_is_told_nothing",
    ),
    without(
        "anybody may come over the Unix socket",
        "the server's question to the kernel whose the other end is",
        Edit(SERVE, "peer_uid(connection) not in (None, os.getuid())", "False"),
        f"{T_NEIGHBOUR}::test_the_kernel_says_who_comes_over_the_unix_socket",
    ),
    without(
        "a private folder may be anybody's",
        "the owner and the mode of the folder with tokens",
        Edit(
            PRIVATE_FOLDER,
            "    if _is_private(status):\n        return descriptor",
            "    if True:\n        return descriptor",
        ),
        f"{T_PRIVATE_FOLDER}::test_a_folder_that_others_may_enter_is_refused",
    ),
    without(
        "a private folder may be a link",
        "O_NOFOLLOW on the folder with tokens",
        Edit(
            PRIVATE_FOLDER,
            "_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC",
            "_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC",
        ),
        f"{T_PRIVATE_FOLDER}::test_a_link_is_refused_wherever_it_leads",
    ),
    without(
        "commands see other workspaces",
        "what is hidden of all workspaces that are known",
        Edit(EQUIPMENT, "closed_of_others=hidden_everywhere", "closed_of_others=lambda: ()"),
        f"{T_NEIGHBOUR_SANDBOX}::test_a_command_reaches_at_most_the_ports_and_decides_and_reads_nothing",
    ),
    without(
        "agents read the .env that holds keys",
        "the file that `env_file` names is closed to agents",
        Edit(
            "duragent.config",
            "    keys = () if config.env_file is None else (config.env_file.resolve(),)",
            "    keys: tuple[Path, ...] = ()",
        ),
        "tests/cli/test_keys.py::test_commands_of_an_agent_do_not_see_a_stored_key",
    ),
    without(
        "commands run as the user where none may run",
        "`sandbox.fallback: none`: where no sandbox works, no command runs",
        Edit("duragent.sandboxes.choose", '        if settings.fallback == "trust" and here', "        if here"),
        "tests/sandboxes/test_choose.py::test_auto_without_a_fallback_runs_nothing_where_no_sandbox_works",
    ),
    without(
        "a page of another site may ask",
        "the check of Sec-Fetch-Site, for requests without an Origin",
        Edit(AUTH, "        _check_fetch_site(headers)\n", ""),
        f"{T_AUTH}::test_what_a_browser_says_comes_from_another_site_is_refused",
    ),
    without(
        "the user is enough for `auth: local`",
        "the namespaces of who asks: a command in a sandbox is of the same user",
        Edit(PEERS, "for kind in _NAMESPACES)", "for kind in ())"),
        f"{T_AUTH_LOCAL}::test_a_command_in_the_sandbox_needs_the_token_though_it_is_of_the_same_user",
    ),
    Mutant(
        "`auth: local` is for every user",
        "the user whose socket it is, and whose process holds it",
        (
            Edit(PEERS, "return int(fields[9]) if int(fields[7]) == os.getuid() else None", "return int(fields[9])"),
            Edit(PEERS, '        if os.stat(f"/proc/{pid}").st_uid != os.getuid():', "        if False:"),
        ),
        (f"{T_AUTH_LOCAL}::test_another_user_needs_the_token_also_with_a_connection_of_ours",),
    ),
    without(
        "a message is sent to a server of v0.5",
        "the look at a named server before anything is sent to it",
        Edit(CONNECTIONS, "    raise OlderServer(url, ", "    OlderServer(url, "),
        f"{T_CONNECTIONS}::test_a_server_of_v0_5_is_told_before_it_is_sent_a_message",
    ),
    without(
        "the key file is written for all users",
        "the mode 0600 of what is written into a private folder",
        Edit(
            PRIVATE_FOLDER,
            "os.open(temporary, _NEW_FILE, 0o600, dir_fd=folder)",
            "os.open(temporary, _NEW_FILE, 0o666, dir_fd=folder)",
        ),
        f"{T_KEYS}::test_a_stored_key_is_for_this_user_alone",
    ),
    without(
        "a key file that others can read is used",
        "the owner and the mode of a file in a private folder",
        Edit(
            PRIVATE_FOLDER,
            "        if not stat.S_ISREG(status.st_mode) or not _is_private(status):",
            "        if not stat.S_ISREG(status.st_mode):",
        ),
        f"{T_KEYS}::test_a_file_that_others_can_read_is_refused_until_it_is_closed",
    ),
    without(
        "a key file that was opened to others since is used",
        "the look at who may read it, whenever a key is wanted",
        Edit(KEYS, ", status.st_ctime_ns, stat.S_IMODE(folder.st_mode)", ""),
        f"{T_KEYS}::test_a_file_that_others_can_read_is_refused_until_it_is_closed",
    ),
    without(
        "a key that was stored goes before the one that is exported",
        "the order of the places of keys",
        Edit(
            KEYS,
            '(("environment", self._environ), ("env file", files[0]), ("key file", files[1]))',
            '(("key file", files[1]), ("env file", files[0]), ("environment", self._environ))',
        ),
        f"{T_KEYS}::test_the_environment_wins_then_the_env_file_then_the_key_file",
        f"{T_KEYS_COMMAND}::test_what_is_exported_goes_before_and_is_said",
    ),
    without(
        "the object with the keys shows them",
        "the object's own words: those of a dict would have all keys in them",
        Edit(
            KEYS,
            "class Keys(Mapping[str, str]):",
            "class Keys(Mapping[str, str]):\n    def __repr__(self) -> str:\n        return repr(dict(self))\n",
        ),
        f"{T_KEYS}::test_nothing_of_a_key_is_in_the_words_for_the_object_or_in_the_environment",
    ),
    without(
        "a slip in a key shows the key",
        "the refusal without the value",
        Edit(KEYS, 'raise InvalidRequest("this is no key: ', 'raise InvalidRequest(f"{key} is no key: '),
        f"{T_KEYS}::test_what_is_no_key_is_refused_without_being_shown",
    ),
    without(
        "a key on the command line is taken for a provider and repeated",
        "the look whether the word is a key",
        Edit(KEYS_COMMAND, '    if len(which) > _LONGEST_NAME or looks_secret("", which):', "    if False:"),
        f"{T_KEYS_COMMAND}::test_a_key_on_the_command_line_is_refused_and_not_repeated",
    ),
    without(
        "the start of a server empties the /tmp of commands that still run",
        "the look whether the session is in memory",
        Edit(
            LIVE_SESSIONS,
            "            if session_id not in self._sessions:\n                await self._remove_temporary",
            "            if True:\n                await self._remove_temporary",
        ),
        f"{T_TMP}::test_a_command_that_outlives_its_server_keeps_its_tmp_and_no_other_session_sees_it",
    ),
)
