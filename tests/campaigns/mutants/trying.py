"""Trying mutants: `python3 -m tests.campaigns.mutants.trying NAME...`, one line of JSON for each on stdout.

Nothing on the disk is changed. A mutant's modules are written to a folder of their own, and an import hook hands them
out: in the process that runs the tests, and, by a `sitecustomize` in front of `PYTHONPATH`, in every Python process
that those start. Each mutant has a process of its own, forked from one that has imported the libraries already.
"""

import contextlib
import importlib
import json
import os
import runpy
import signal
import sys
import tempfile
import traceback
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest

from tests.campaigns.mutants.mutant import Mutant
from tests.support.places import ROOT
from tests.support.until import until_sync

AS_IT_IS = "as it is"
"""Before other names: first all their tests on the product as it is."""

TEST_SECONDS = 120
MUTANT_SECONDS = 600

# Without its safeguard much waits for what never comes; before any test reads it.
os.environ.setdefault("DURAGENT_LIMIT_SECONDS", "40")
_PLUGINS = ("xdist.plugin", "pytest_asyncio.plugin", "pytest_timeout", "_hypothesis_pytestplugin")
_ALL_OF_IT = ("tests.support.house", "tests.support.http_house", "hypothesis", *_PLUGINS)
"""Modules that import all that the tests import."""

_QUIET = "ignore::pytest.PytestAssertRewriteWarning"
"""Some of the libraries are plugins of pytest too."""

_HOOK = """\
import importlib.abc
import importlib.util
import sys

MUTATED = {mutated!r}


class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        return importlib.util.spec_from_file_location(name, MUTATED[name]) if name in MUTATED else None


sys.meta_path.insert(0, Finder())
"""


@dataclass(frozen=True, slots=True)
class Failure:
    """`when`: collect, setup, call or teardown. `kinds`: the names of the error's classes, its own first."""

    test: str
    when: str
    kinds: list[str]


@dataclass(slots=True)
class Tried:
    """What became of the tests. `said` is the end of what pytest printed."""

    name: str
    passed: int = 0
    failures: list[Failure] = field(default_factory=list)
    said: str = ""

    def caught_by(self, mutant: Mutant) -> str:
        """The test that failed as it should; "" when none did."""
        found = (each for each in self.failures if each.when == "call" and not mutant.symptoms.isdisjoint(each.kinds))
        return next((each.test for each in found), "")


class _Recorder:
    """A pytest plugin: how each test ended."""

    def __init__(self, tried: Tried) -> None:
        self._tried = tried

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.failed:
            kinds = _kinds(call.excinfo.value) if call.excinfo else []
            self._tried.failures.append(Failure(item.nodeid, report.when or "", kinds))
        elif report.when == "call" and report.passed:
            self._tried.passed += 1
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._tried.failures.append(Failure(report.nodeid, "collect", []))


def _kinds(error: BaseException) -> list[str]:
    if isinstance(error, BaseExceptionGroup):
        return _kinds(error.exceptions[0])
    if type(error).__name__ == "Failed" and str(error).startswith("Timeout"):
        return ["Timeout"]
    return [each.__name__ for each in type(error).__mro__]


RUNNER_AND_NEIGHBOURS = tuple(
    f"duragent.process.{name}" for name in ("runner", "kept_output", "process_table", "resource_watch")
)


def install(mutant: Mutant, folder: Path) -> None:
    """From now on this process, and each that it starts, imports the mutant's modules. Raises DoesNotApply."""
    mutated = {}
    for module, source in (_runner_of_its_own(mutant) | mutant.sources()).items():
        path = folder / f"{module.replace('.', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
        mutated[module] = str(path)
    (folder / "sitecustomize.py").write_text(_HOOK.format(mutated=mutated))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    runpy.run_path(str(folder / "sitecustomize.py"))


def _runner_of_its_own(mutant: Mutant) -> dict[str, str]:
    """A runner is started as a file and finds its neighbours beside it, whatever is hooked: all or none are copies."""
    if not any(edit.module in RUNNER_AND_NEIGHBOURS for edit in mutant.edits):
        return {}
    return {module: (ROOT / f"{module.replace('.', '/')}.py").read_text() for module in RUNNER_AND_NEIGHBOURS}


def _in_this_process(mutant: Mutant, folder: Path) -> Tried:
    tried = Tried(mutant.name)
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(folder)
    install(mutant, folder)
    # Not what else is installed here: plugins take longer to load than most of the tests to run.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    plugins = [argument for plugin in _PLUGINS for argument in ("-p", plugin)]
    how = ["-q", "-n0", "-W", _QUIET, "--tb=short", "--assert=plain", f"--timeout={TEST_SECONDS}"]
    places = ["-p", "no:cacheprovider", f"--basetemp={folder / 'tests'}"]
    stop_early = ["-x"] if mutant.edits else []
    arguments = [*plugins, *how, *places, *stop_early, *mutant.caught_by]
    code = pytest.main(arguments, plugins=[_Recorder(tried)])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        tried.failures.append(Failure(f"exit code {code}", "collect", []))
    return tried


def try_one(mutant: Mutant) -> Tried:
    """In a process of its own; what hangs is ended."""
    with tempfile.TemporaryDirectory(prefix="mutant-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "modules").mkdir()
        pid = os.fork()
        if pid == 0:
            _child(mutant, folder)
        try:
            with contextlib.suppress(AssertionError):
                until_sync(lambda: os.waitpid(pid, os.WNOHANG) != (0, 0), bound=MUTANT_SECONDS)
        finally:
            _end_what_is_left(pid, folder)
        said = (folder / "said").read_text(errors="replace")[-4000:] if (folder / "said").exists() else ""
        try:
            found = json.loads((folder / "tried").read_text())
        except FileNotFoundError:
            return Tried(mutant.name, failures=[Failure("it died", "collect", [])], said=said)
        return Tried(mutant.name, found["passed"], [Failure(**each) for each in found["failures"]], said)


def _child(mutant: Mutant, folder: Path) -> None:
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.setsid()
        said = os.open(folder / "said", os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(said, 1)
        os.dup2(said, 2)
        tried = _in_this_process(mutant, folder / "modules")
        (folder / "tried").write_text(json.dumps(asdict(tried)))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _end_what_is_left(group: int, folder: Path) -> None:
    """What hangs, and commands that a mutant left running in the folders of its tests."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if Path(os.readlink(process / "cwd")).is_relative_to(folder):
                os.kill(int(process.name), signal.SIGKILL)


def _import_libraries() -> None:
    """Import what the tests import, and forget what is ours: each mutant has its own of that."""
    for module in _ALL_OF_IT:
        importlib.import_module(module)
    for name in [name for name in sys.modules if name.partition(".")[0] in ("duragent", "tests")]:
        del sys.modules[name]


def main(names: Sequence[str]) -> None:
    from tests.campaigns.mutants import MUTANTS

    os.chdir(ROOT)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    _import_libraries()
    known = {mutant.name: mutant for mutant in MUTANTS}
    nodes = dict.fromkeys(node for name in names if name in known for node in known[name].caught_by)
    known[AS_IT_IS] = Mutant(AS_IT_IS, "nothing", (), tuple(nodes))
    for name in names:
        print(json.dumps(asdict(try_one(known[name]))), flush=True)  # noqa: T201  # this is what the program is for


if __name__ == "__main__":
    main(sys.argv[1:])
