"""Safeguards of tools, and of files that people write."""

from tests.campaigns.mutants.mutant import ASSERTIONS, Edit, Mutant, without
from tests.campaigns.mutants.where import (
    DISCOVERY,
    PATHS,
    T_DISCOVERY,
    T_PATHS,
    T_WEB_REDIRECTS,
    T_YAML_DOCUMENT,
    WEB_PAGE,
    YAML_FILE,
)

TOOLS: tuple[Mutant, ...] = (
    without(
        "aliases in YAML",
        "the refusal of anchors and aliases: a bomb of a few lines takes all memory",
        Edit(
            YAML_FILE,
            "        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:",
            "        if isinstance(event, yaml.AliasEvent):\n"
            '            event.tag, event.value, event.implicit = None, "", (True, False)\n'
            "        if False:",
        ),
        f"{T_YAML_DOCUMENT}::test_reader_refuses_an_alias_bomb",
    ),
    without(
        "keys that are there twice",
        "the refusal of double keys: one of two `deny:` lists is lost in silence",
        Edit(
            YAML_FILE,
            "            if key in result:",
            "            if False:",
        ),
        f"{T_YAML_DOCUMENT}::test_reader_refuses_what_is_not_plain_yaml",
    ),
    without(
        "YAML without a bound",
        "the size of a file that is read",
        Edit(
            YAML_FILE,
            "        if len(text.encode()) > limit_bytes:",
            "        if False:",
        ),
        f"{T_YAML_DOCUMENT}::test_reader_refuses_a_large_text",
    ),
    without(
        "YAML of any depth",
        "the depth of a document",
        Edit(
            YAML_FILE,
            "        if len(path) > MAX_DEPTH:",
            "        if False:",
        ),
        f"{T_YAML_DOCUMENT}::test_reader_takes_32_levels_and_no_more",
    ),
    Mutant(
        "links are followed after the decision",
        "O_NOFOLLOW on every name on the way: a link that is put there in between leads out",
        (
            Edit(
                PATHS,
                "| os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC\n_READ",
                "| os.O_DIRECTORY | os.O_CLOEXEC\n_READ",
            ),
            Edit(
                PATHS,
                "_READ = os.O_RDONLY | os.O_NOFOLLOW |",
                "_READ = os.O_RDONLY |",
            ),
            Edit(
                PATHS,
                "        _must_be_regular(os.stat(name, dir_fd=parent, follow_symlinks=False), spot)\n",
                "",
            ),
        ),
        (f"{T_PATHS}::test_a_link_put_there_after_the_decision_leads_nowhere",),
    ),
    without(
        "links that lead out are followed",
        "the decision on the real path",
        Edit(
            PATHS,
            "        real = Path(os.path.realpath(places.folder / written))",
            "        real = Path(os.path.normpath(places.folder / written))",
        ),
        f"{T_PATHS}::test_links_that_lead_out_are_refused",
        f"{T_PATHS}::test_writing_through_a_link_inside_changes_the_file_it_leads_to",
    ),
    without(
        "a link hides from the policy what decides about agents",
        "the look at what a path leads to, beside the path as it is written",
        Edit(PATHS, '    if writing and is_guarded("/".join(spot.parts)) and', "    if False and"),
        f"{T_PATHS}::test_a_link_to_what_decides_about_agents_is_read_but_written_only_under_its_own_name",
    ),
    without(
        "what is closed can be read",
        "the token, the lock and the logs are closed to tools",
        Edit(
            PATHS,
            "    return _is_below(real, places.closed) or",
            "    return",
        ),
        f"{T_PATHS}::test_what_is_closed_is_neither_read_nor_written",
    ),
    without(
        "what decides about agents can be written",
        "the files that are only read",
        Edit(
            PATHS,
            "    if writing and _is_below(real, places.frozen):",
            "    if False:",
        ),
        f"{T_PATHS}::test_what_is_frozen_or_only_readable_is_not_written",
    ),
    without(
        "a second name opens what is closed",
        "the identity of an opened file: hard links",
        Edit(
            PATHS,
            "    if (found.st_dev, found.st_ino) in barred:",
            "    if False:",
        ),
        f"{T_PATHS}::test_a_hard_link_to_what_is_closed_is_refused",
    ),
    without(
        "tools read anywhere",
        "the roots below which tools may read and write",
        Edit(
            PATHS,
            "    root = next((each for each in roots if real.is_relative_to(each)), None)",
            '    root = Path("/")',
        ),
        f"{T_PATHS}::test_what_is_outside_is_refused",
    ),
    without(
        "an edit overwrites what somebody else changed",
        "the comparison of a file with the one that was looked at",
        Edit(
            PATHS,
            "        _must_be_as_seen(there, seen, spot)\n        try:",
            "        try:",
        ),
        f"{T_PATHS}::test_a_file_that_changed_since_it_was_looked_at_is_not_replaced",
    ),
    without(
        "a file that somebody made in the meantime is overwritten",
        "the comparison with the nothing that was there: what is there now is not kept",
        Edit(
            PATHS,
            "    if _version(there) != _version(seen):",
            "    if seen is not None and _version(there) != _version(seen):",
        ),
        f"{T_PATHS}::test_a_file_that_changed_since_it_was_looked_at_is_not_replaced",
    ),
    without(
        "redirects are not checked",
        "the same rules for each URL on the way: a public page leads to the cloud's metadata",
        Edit(
            WEB_PAGE,
            "                url = found",
            "                url, there = found, httpx.URL(found)\n"
            "                settings = way.settings.model_copy(\n"
            '                    update={"allow_hosts": (there.host, f"{there.host}:{there.port}")}\n'
            "                )\n"
            "                way = Way(settings, way.resolve, way.transport)",
        ),
        f"{T_WEB_REDIRECTS}::test_redirect_to_where_it_may_not_go_asks_nobody_there",
    ),
    Mutant(
        "addresses of a name are not checked",
        "the check of where a name leads: a public name with a private address",
        (
            Edit(
                WEB_PAGE,
                "        check_addresses(target.host, found)",
                "        pass",
            ),
        ),
        (f"{T_WEB_REDIRECTS}::test_fetch_refuses_a_name_with_a_private_address",),
        ASSERTIONS | {"IndexError"},
    ),
    without(
        "the name is looked up again",
        "the connection goes to the very address that was checked",
        Edit(
            WEB_PAGE,
            "        target.url.copy_with(host=str(address), fragment=None),",
            "        target.url.copy_with(fragment=None),",
        ),
        f"{T_WEB_REDIRECTS}::test_fetch_connects_to_the_address_that_was_checked",
    ),
    without(
        "private addresses are public",
        "the list of networks that are not the internet",
        Edit(
            "duragent.http.addresses",
            "        return not any(address in network for network in _SPECIAL_V4)",
            "        return True",
        ),
        "tests/http/test_addresses.py::test_other_addresses_are_not",
    ),
    without(
        "a page has no bound",
        "what is unpacked of a page is bounded",
        Edit(
            WEB_PAGE,
            "        kept += chunk if unpack is None else unpack(chunk, most + 1 - len(kept))",
            "        kept += chunk if unpack is None else unpack(chunk, 0)",
        ),
        f"{T_WEB_REDIRECTS}::test_fetch_unpacks_and_a_bomb_stays_small",
    ),
    without(
        "programs of a workspace run before it is trusted",
        "trust: nothing that came with a workspace runs before a person has said so",
        Edit(
            DISCOVERY,
            "    if not trusted:",
            "    if False:",
        ),
        f"{T_DISCOVERY}::test_nothing_is_offered_before_the_workspace_is_trusted",
    ),
)
