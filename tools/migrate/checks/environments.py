"""Check 2: each service has its own virtual environment, and its requirements name all that it imports."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from migrate.checks.places import Layout
from migrate.checks.report import Check, Finding
from migrate.checks.running import Runner
from migrate.checks.static_imports import Scan
from migrate.distributions import Installed, distribution_of
from migrate.model import MAKE_VENVS, Component, MigrationError
from migrate.needs import reached_files
from migrate.requirement_files import read_requirement_files

#: What needs no line: a virtual environment has it, or the tests' runner is it.
_ALWAYS_THERE = ("pytest", "pip")


def make_venvs(repository: Path, python: Path) -> None:
    """Runs the repository's make_venvs.py. Raises MigrationError where it is missing or fails."""
    script = repository / MAKE_VENVS
    if not script.is_file():
        raise MigrationError(f"{script}: there is no such file; `migrate apply` writes it")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    done = subprocess.run(
        [str(python), str(script)], cwd=repository, env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise MigrationError(f"{script}: failed with status {done.returncode}; its words are above")


def venv_pythons(repository: Path, layout: Layout) -> dict[str, Path]:
    """Each service's own interpreter, where it is there."""
    found = {}
    for service in layout.services:
        python = repository / service.target / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        if python.exists():
            found[service.name] = python
    return found


def check_environments(
    runner: Runner, repository: Path, layout: Layout, scanned: Scan, installed: Installed, pythons: Mapping[str, Path]
) -> Check:
    """Check 2. scanned: the imports of the new tree. pythons: the interpreters of the environments that were made."""
    check = Check("environments", "Each service has its own virtual environment")
    check.table.append(["Service", "Requirements", "Imports that they cover", "Environment"])
    for service in layout.services:
        wanted, rows, covered = _judge_requirements(repository, layout, service, scanned, installed, check)
        told = "not made here"
        if service.name in pythons:
            told = _judge_environment(runner, service, pythons[service.name], check)
        check.table.append([service.name, str(rows), f"{covered} of {wanted}", told])
    made = len(pythons)
    missing = sum(1 for each in check.differences if "requirements" in each.note)
    check.read_only = made < len(layout.services)
    if check.read_only:
        check.summary = (
            f"the requirements were read, no environment was made (`python {MAKE_VENVS}` makes them, "
            f"`verify --make-venvs` does so first); {missing} imports are not covered"
        )
    else:
        check.summary = f"{made} environments were made from the services' requirements; {missing} imports not covered"
    return check


def _judge_requirements(
    repository: Path, layout: Layout, service: Component, scanned: Scan, installed: Installed, check: Check
) -> tuple[int, int, int]:
    """How many distributions are imported, required, and imported as well as required."""
    files = {}
    for name in ("requirements.in", "requirements-test.in"):
        file = repository / service.target / name
        if file.is_file():
            files[f"{service.target}/{name}"] = file.read_bytes()
    main = f"{service.target}/requirements.in"
    if main not in files:
        check.differences.append(Finding(main, "", "there is no such file", "requirements"))
        return 0, 0, 0
    required = read_requirement_files(files)
    run_time = {entry.name for entry in required.entries if entry.path == main}
    for problem in required.problems:
        check.differences.append(Finding(problem.split(": ")[0], "", problem, "requirements cannot be read"))
    for entry in required.entries:
        if "://" not in entry.text:
            try:
                Requirement(entry.text)
            except InvalidRequirement:
                check.differences.append(Finding(f"{entry.path}:{entry.line}", "", entry.text, "requirements"))
    reached, run_time_reached = _reached(layout, service, scanned)
    wanted: set[str] = set()
    missing: dict[str, tuple[str, str, bool]] = {}  # distribution -> an import, its file, whether it is optional
    for path, names in sorted(scanned.third_party.items()):
        if path not in reached:
            continue
        available = {*(run_time if path in run_time_reached else required.names), *_ALWAYS_THERE}
        for name, optional in sorted(names.items()):
            key = str(canonicalize_name(distribution_of(name, available, installed).distribution))
            wanted.add(key)
            if key not in available and (key not in missing or (missing[key][2] and not optional)):
                missing[key] = (name, path, optional)
    for name, path, optional in sorted(missing.values(), key=lambda each: (each[1], each[0])):
        if optional:
            check.remarks.append(Finding(path, "", f"`{name}` is required by no line of {main}", "imported in a `try`"))
        else:
            check.differences.append(Finding(path, "", f"`{name}` is imported", f"no line of {main}'s requirements"))
    return len(wanted), len(run_time), len(wanted) - len(missing)


def _reached(layout: Layout, service: Component, scanned: Scan) -> tuple[set[str], set[str]]:
    """The files that a service and its tests load, and those that it loads without its tests."""
    known = {*scanned.third_party, *scanned.imported}
    own = [path for path in known if layout.component_of(path) is service]
    without_tests = [path for path in own if not path.startswith(f"{service.tests_home}/")]

    def imported(path: str) -> set[str]:
        return scanned.imported.get(path, set())

    return reached_files(own, imported, known.__contains__), reached_files(without_tests, imported, known.__contains__)


def _judge_environment(runner: Runner, service: Component, python: Path, check: Check) -> str:
    """`pip check`, and whether the import roots are known to the environment; a few words for the table."""
    environment = runner.environment()
    environment.pop("PYTHONPATH")
    has_pip = runner.run(["-c", "import pip"], python.parent, environment, 60, python).status == 0
    told = "made, nothing to install"
    if has_pip:
        done = runner.run(
            ["-m", "pip", "check", "--disable-pip-version-check"], python.parent, environment, 300, python
        )
        told = "made, pip check passes" if done.status == 0 else "made, pip check fails"
        if done.status:
            check.differences.append(Finding(f"{service.target}/.venv", "", done.last_line, "pip check"))
    program = "import sys; sys.exit(0 if any(p.replace('\\\\', '/').endswith(sys.argv[1]) for p in sys.path) else 1)"
    if runner.run(["-c", program, service.import_root], python.parent, environment, 60, python).status:
        check.differences.append(Finding(f"{service.target}/.venv", "", f"{service.import_root} is not on its path"))
    return told
