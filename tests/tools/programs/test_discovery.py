import json
import os
from pathlib import Path

import pytest

from duragent.tools.programs.discovery import Discovered, discover
from duragent.tools.programs.program import README_BYTES
from tests.tools.programs.folders import put


def names(found: Discovered) -> list[str]:
    return [tool.name for tool in found.tools]


def fault(found: Discovered, folder: Path) -> str:
    assert len(found.faults) == 1, found.faults
    return found.faults[0].replace(f"{folder}/", "")


def test_tools_come_sorted_by_name_the_agents_first(agent: Path, workspace: Path) -> None:
    for root, name in [(agent, "zeta"), (agent, "Beta"), (agent, "alpha"), (workspace, "alpha"), (workspace, "gamma")]:
        put(root, f"{name}/run", f"#!/bin/sh\necho {root.name}\n")
    found = discover(agent, workspace)
    assert names(found) == ["Beta", "alpha", "zeta", "gamma"]
    assert found.tools[1].program.argv == (str(agent / "tools/alpha/run"),)
    assert (found.scanned, found.faults) == ((agent / "tools", workspace / "tools"), ())


def test_folders_without_a_program_are_no_tools(agent: Path, workspace: Path) -> None:
    put(agent, "docs/README.md")
    put(agent, "running/runner.sh")
    put(agent, ".hidden/run")
    put(agent, "run")
    (agent / "tools" / "deep" / "run").mkdir(parents=True)
    assert discover(agent, workspace) == Discovered(scanned=(agent / "tools",))


def test_nothing_is_found_where_there_is_no_folder(tmp_path: Path) -> None:
    assert discover(tmp_path / "a", tmp_path / "b") == Discovered()
    (tmp_path / "tools").write_text("a file")
    assert discover(tmp_path, tmp_path) == Discovered()


def test_one_folder_that_is_both_is_looked_into_once(agent: Path) -> None:
    put(agent, "a/run")
    assert discover(agent, agent).scanned == (agent / "tools",)


@pytest.mark.parametrize(
    ("name", "text", "mode", "starts"),
    [
        ("run", "#!/bin/sh\n", 0o755, ()),
        ("run.py", "#!/usr/bin/env python3\n", 0o755, ()),
        ("run", b"\x7fELF\0\0", 0o755, ()),
        ("run.py", "print(1)\n", 0o644, ("python3",)),
        ("run.py", "print(1)\n", 0o755, ("python3",)),
        ("run.sh", "#!/bin/sh\n", 0o644, ("bash",)),
        ("run.SH", "", 0o644, ("bash",)),
        ("run.mjs", "", 0o644, ("node",)),
    ],
)
def test_run_file_is_started_itself_or_by_its_extension(
    agent: Path, workspace: Path, name: str, text: str | bytes, mode: int, starts: tuple[str, ...]
) -> None:
    file = put(agent, f"a/{name}", text, mode)
    (tool,) = discover(agent, workspace).tools
    assert tool.program.argv == (*starts, str(file))


def test_run_file_that_nothing_could_start_is_a_fault(agent: Path, workspace: Path) -> None:
    put(agent, "a/run", "#!/bin/sh\n", 0o644)
    put(agent, "b/run", "echo no shebang\n")
    put(agent, "c/run", "#!/bin/sh\n")
    found = discover(agent, workspace)
    assert names(found) == ["c"]
    assert found.faults == (
        f"{agent}/tools/a/run: is not executable (chmod +x {agent}/tools/a/run)",
        f"{agent}/tools/b/run: cannot be started (begin it with a line such as #!/bin/sh)",
    )


def test_several_programs_in_a_folder_are_a_fault_and_leftovers_of_editors_are_not(
    agent: Path, workspace: Path
) -> None:
    put(agent, "a/run.py")
    put(agent, "a/run.sh")
    put(agent, "b/run.py")
    put(agent, "b/run.py~")
    put(agent, "b/run.bak")
    put(agent, "b/.run.py.swp")
    found = discover(agent, workspace)
    assert names(found) == ["b"]
    assert fault(found, agent) == "tools/a: has several programs, run.py, run.sh (keep one of them)"


@pytest.mark.parametrize("name", ["a b", "é", "a.b", "x" * 65, "a\nb", "$(x)"])
def test_folder_with_an_odd_name_is_a_fault(agent: Path, workspace: Path, name: str) -> None:
    put(agent, f"{name}/run")
    found = discover(agent, workspace)
    assert names(found) == []
    assert found.faults[0].endswith(
        "cannot be the name of a tool: it must be 1 to 64 letters a-z or A-Z, digits, - or _"
    )
    assert found.faults[0].isprintable()


def test_links_that_lead_out_of_the_folder_are_refused(agent: Path, workspace: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("#!/bin/sh\nkey\n")
    secret.chmod(0o755)
    for name in ("a", "b", "c", "e"):
        (agent / "tools" / name).mkdir(parents=True)
    (agent / "tools/a/run").symlink_to(secret)
    put(agent, "b/run")
    (agent / "tools/b/README.md").symlink_to(secret)
    put(agent, "c/run")
    (agent / "tools/c/schema.json").symlink_to(secret)
    outside = put(tmp_path, "d/run").parent
    (agent / "tools/d").symlink_to(outside)
    (agent / "tools/e/run").symlink_to(agent / "nowhere")
    put(agent, "ok/run")
    (agent / "tools/linked").symlink_to("ok")
    found = discover(agent, workspace)
    assert names(found) == ["linked", "ok"]
    places = [each.removeprefix(f"{agent}/tools/").partition(":")[0] for each in found.faults]
    assert places == ["a/run", "b/README.md", "c/schema.json", "d/run", "e/run"]
    assert all(each.endswith(f"leads out of {agent}/tools") for each in found.faults)


def test_tools_folder_that_is_a_link_to_elsewhere_is_refused(agent: Path, workspace: Path, tmp_path: Path) -> None:
    put(tmp_path, "a/run")
    (agent / "tools").symlink_to(tmp_path / "tools")
    put(workspace, "b/run")
    found = discover(agent, workspace)
    assert (names(found), fault(found, agent)) == (["b"], f"tools: leads out of {agent}")


def test_readme_describes_the_tool(agent: Path, workspace: Path) -> None:
    put(agent, "a/run")
    put(agent, "a/README.md", "\ufeff# Say hi\n\nUse it.\n")
    put(agent, "b/run")
    put(agent, "b/README.md", b"caf\xe9 \x1b[31m\0\n")
    put(agent, "c/run")
    put(agent, "c/README.md", "")
    put(agent, "d/run")
    described = [tool.description for tool in discover(agent, workspace).tools]
    assert described == ["# Say hi\n\nUse it.", "caf\ufffd \ufffd[31m\ufffd", "CLI tool: c", "CLI tool: d"]


def test_huge_readme_is_cut(agent: Path, workspace: Path) -> None:
    put(agent, "a/run")
    put(agent, "a/README.md", "# Wörter 漢字\n" * 1_000_000)
    put(agent, "b/run")
    put(agent, "b/README.md", "漢" * 1_000_000)
    first, second = (tool.description for tool in discover(agent, workspace).tools)
    end = "\n[the rest of README.md is left out]"
    assert first.endswith("漢字" + end)
    assert second == "漢" * (README_BYTES // 3) + end
    assert all(len(each.encode()) <= README_BYTES + len(end) for each in (first, second))


def test_pipes_in_place_of_files_never_block(agent: Path, workspace: Path) -> None:
    put(agent, "a/run")
    os.mkfifo(agent / "tools/a/README.md")
    (agent / "tools/b").mkdir()
    os.mkfifo(agent / "tools/b/run")
    assert fault(discover(agent, workspace), agent) == "tools/a/README.md: is not a regular file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_folder_that_cannot_be_read_is_a_fault(agent: Path, workspace: Path) -> None:
    put(agent, "a/run").parent.chmod(0)
    put(agent, "b/run")
    found = discover(agent, workspace)
    assert (names(found), fault(found, agent)) == (["b"], "tools/a: cannot be read: Permission denied")
    agent.chmod(0)
    assert discover(agent, workspace) == Discovered()
    agent.chmod(0o755)


def test_broken_tool_keeps_its_name_so_that_none_takes_its_place(agent: Path, workspace: Path) -> None:
    put(agent, "a/run")
    put(agent, "a/schema.json", "{")
    put(agent, "b/run.sh")
    put(agent, "b/run.py")
    put(workspace, "a/run")
    put(workspace, "b/run")
    found = discover(agent, workspace)
    assert (names(found), len(found.faults)) == ([], 2)


def test_schema_beside_the_program_is_used(agent: Path, workspace: Path) -> None:
    put(agent, "a/run")
    put(agent, "a/schema.json", json.dumps({"properties": {"city": {"type": "string"}}, "x-effect": "pure"}))
    (tool,) = discover(agent, workspace).tools
    assert (tool.effect, list(tool.parameters()["properties"])) == ("pure", ["city"])


def test_too_many_folders_are_told(agent: Path, workspace: Path) -> None:
    for number in range(258):
        put(agent, f"t{number:03}/run")
    found = discover(agent, workspace)
    assert len(found.tools) == 256
    assert fault(found, agent) == "tools: has more than 256 folders; those after 't255' are left out"


def test_nothing_is_offered_before_the_workspace_is_trusted(agent: Path, workspace: Path) -> None:
    put(agent, "a/run")
    assert discover(agent, workspace, trusted=False) == Discovered(
        faults=(f"{agent}/tools: left out until this workspace is trusted",)
    )
