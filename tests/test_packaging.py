"""What is shipped: the package, its dependencies, and the container's recipe."""

import re
import tomllib
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import pytest

import duragent
from duragent.config import load_config
from duragent.errors import InvalidFile
from tests.support.places import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_version_is_the_same_everywhere() -> None:
    assert PROJECT["project"]["version"] == duragent.__version__
    assert metadata.version("duragent") == duragent.__version__
    assert f"## {duragent.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_package_says_that_it_is_typed() -> None:
    assert resources.files("duragent").joinpath("py.typed").is_file()


def test_distribution_runs_nothing_when_python_starts() -> None:
    # An editable installation has one .pth file of its own, which is a path and no code.
    files = [Path(str(path.locate())) for path in metadata.files("duragent") or ()]
    for path in (path for path in files if path.suffix == ".pth"):
        lines = [line for line in path.read_text().splitlines() if line.strip()]
        assert [line for line in lines if line.startswith(("import ", "import\t"))] == []


def test_command_is_installed() -> None:
    [command] = metadata.entry_points(group="console_scripts", name="duragent")
    assert command.value == "duragent.cli.main:main"


def test_litellm_is_kept_from_the_releases_that_were_malware() -> None:
    wanted = [line for line in PROJECT["project"]["dependencies"] if line.startswith("litellm")]
    assert wanted == ["litellm>=1.83.10,<2,!=1.82.7,!=1.82.8"]
    assert metadata.version("litellm") not in ("1.82.7", "1.82.8")


def test_no_dependency_wants_litellms_proxy() -> None:
    groups = [PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"].values()]
    assert [line for group in groups for line in group if re.match(r"litellm\s*\[", line)] == []


def test_dev_brings_the_test_tools_along() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    assert "duragent[test]" in extras["dev"]


def test_source_distribution_has_what_the_tests_need() -> None:
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    for name in (
        "duragent",
        "tests",
        "docs",
        ".duragent.example",
        "README.md",
        "CHANGELOG.md",
        "LICENSE",
        "Dockerfile",
        "requirements.lock",
    ):
        assert name in included
        assert (ROOT / name).exists()


# --- the container --------------------------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    """(INSTRUCTION, rest) of each line of the Dockerfile, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split()[0], line.partition(" ")[2]) for line in lines]


def test_image_has_all_that_it_should() -> None:
    found = instructions()
    names = [name for name, _ in found]
    for name in ("FROM", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"):
        assert name in names
    known = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK"}
    assert set(names) <= known | {"ENTRYPOINT", "CMD"}


def test_image_is_small_pinned_and_without_rights() -> None:
    found = instructions()
    for image in (rest.split()[0] for name, rest in found if name == "FROM"):
        assert re.fullmatch(r"python:3\.\d+-slim", image)
    last_from = max(at for at, (name, _) in enumerate(found) if name == "FROM")
    users = [rest for name, rest in found[last_from:] if name == "USER"]
    assert users == ["duragent"]
    assert [rest for name, rest in found if name == "ENV" and re.search("TOKEN|KEY|SECRET", rest)] == []


def test_image_copies_only_what_exists_and_is_let_in() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for rest in (rest for name, rest in instructions() if name == "COPY" and "--from" not in rest):
        for source in rest.split()[:-1]:
            assert (ROOT / source).exists()
            assert source.removeprefix("./").split("/")[0] in let_in


def test_image_is_built_from_the_lock_file_alone() -> None:
    runs = [rest for name, rest in instructions() if name == "RUN" and "pip" in rest]
    assert "--require-hashes --requirement requirements.lock --dest /wheels" in runs[0]
    assert "--no-index --find-links /wheels duragent" in runs[1]


def test_every_command_in_the_image_takes_its_configuration() -> None:
    [env] = [rest for name, rest in instructions() if name == "ENV"]
    [copied] = [rest.split()[-1] for name, rest in instructions() if name == "COPY" and ".docker/" in rest]
    assert f"DURAGENT_CONFIG={copied}" in env.split()


def test_image_listens_to_everybody_only_with_a_token() -> None:
    path = ROOT / ".docker/duragent.yaml"
    config = load_config(path, {"DURAGENT_API_TOKEN": "secret"})
    assert (config.server.host, config.server.port, config.server.api_token) == ("0.0.0.0", 8080, "secret")
    assert config.server.admin_token is None
    assert (config.sandbox.mode, config.sandbox.fallback) == ("auto", "none")
    trusting = load_config(path, {"DURAGENT_API_TOKEN": "secret", "DURAGENT_SANDBOX_FALLBACK": "trust"})
    assert trusting.sandbox.fallback == "trust"
    assert str(config.workspace).startswith("/workspace/")
    for environ in ({}, {"DURAGENT_API_TOKEN": ""}):
        with pytest.raises(InvalidFile, match="api_token"):
            load_config(path, environ)


def test_ci_is_a_program_that_stops_at_the_first_fault() -> None:
    path = ROOT / ".ci/run"
    assert path.stat().st_mode & 0o111
    text = path.read_text()
    assert "set -euo pipefail" in text
    for step in ("ruff check", "ruff format --check", "mypy", "lint-imports", "docs/generate.py --check", "pytest"):
        assert f" {step}\n" in text
