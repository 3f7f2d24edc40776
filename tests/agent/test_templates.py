"""Templates of messages, as people write them."""

import os
from pathlib import Path

import pytest

from duragent.agent.templates import Template, load_templates


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / "commands" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_agents_template_counts_before_that_of_the_workspace(tmp_path: Path) -> None:
    workspace, agent = tmp_path / "w", tmp_path / "a"
    write(workspace, "review.md", "of the workspace")
    plain = write(workspace, "plain.md", "Just this.\n")
    own = write(agent, "review.md", "---\ndescription: Look at a file\narguments: FILE\n---\n\nLook at $ARGUMENTS.\n")
    write(agent, "notes.txt", "no template")
    assert load_templates(workspace, agent) == (
        (
            Template("plain", plain, "Just this."),
            Template("review", own, "Look at $ARGUMENTS.", "Look at a file", "FILE"),
        ),
        (),
    )


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("Look at $ARGUMENTS, and $ARGUMENTS.", "a b", "Look at a b, and a b."),
        ("Look at $ARGUMENTS.", "", "Look at ."),
        ("Look.", "at this", "Look.\n\nat this"),
        ("Look.", "", "Look."),
        ("It costs $1.", "$ARGUMENTS", "It costs $1.\n\n$ARGUMENTS"),
    ],
)
def test_arguments_have_their_place_or_come_last(tmp_path: Path, text: str, arguments: str, message: str) -> None:
    write(tmp_path, "one.md", text)
    [template], _ = load_templates(tmp_path, tmp_path / "nowhere")
    assert template.message(arguments) == message


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("x.md", "---\ndescripton: a\n---\nb", "did you mean `description`?"),
        ("x.md", "---\ndescription: a\n---\n", "has no text to send"),
        ("a b.md", "text", "is no name for a command (use letters, digits, - and _)"),
        ("x.md", "a\0b", "is not text"),
        ("x.md", "---\ndescription: a\n", "close it with a line ---"),
    ],
)
def test_fault_names_the_file_and_leaves_the_others(tmp_path: Path, name: str, text: str, fault: str) -> None:
    write(tmp_path, name, text)
    write(tmp_path, "good.md", "good")
    found, [told] = load_templates(tmp_path, tmp_path / "nowhere")
    assert [template.name for template in found] == ["good"]
    assert name in told
    assert fault in told


def test_template_that_leads_out_of_its_folder_or_never_ends_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("secret")
    (tmp_path / "commands").mkdir()
    (tmp_path / "commands" / "link.md").symlink_to(tmp_path / "secret.md")
    os.mkfifo(tmp_path / "commands" / "pipe.md")
    found, faults = load_templates(tmp_path, tmp_path / "nowhere")
    assert (found, len(faults)) == ((), 2)


def test_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    write(tmp_path, "one.md", "before")
    assert load_templates(tmp_path, tmp_path)[0][0].text == "before"
    write(tmp_path, "one.md", "after that")
    assert load_templates(tmp_path, tmp_path)[0][0].text == "after that"
