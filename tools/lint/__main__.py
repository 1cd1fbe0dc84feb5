"""The command line: `bazel run //tools/lint -- [--fix] [FILES…]`."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from lint.links import broken_links
from lint.ruff_program import ruff_program
from lint.scripts import shell_of, syntax_error
from lock.workspace import workspace_root
from shared_libs.common.errors import InputError, UserError
from shared_libs.utils.paths import user_path


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def files_of(root: Path) -> list[str]:
    """Every file that is the workspace's or may become so: what .gitignore names is left out. Paths from the root."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    except OSError as error:
        raise InputError(root, f"git cannot be started: {error.strerror}", hint="install git") from error
    if done.returncode:
        raise InputError(root, done.stderr.strip().splitlines()[-1], hint="lint asks git which files there are")
    return sorted(path for path in set(done.stdout.split("\0")) if path and (root / path).is_file())


def chosen(root: Path, files: Sequence[str], asked: Sequence[Path]) -> list[str]:
    """Those of the files that were asked for, or lie in a folder that was; all, if none was.

    Raises InputError for what is not there or not in the workspace.
    """
    for path in asked:
        if not path.exists():
            raise InputError(path, "is not there")
        if not path.is_relative_to(root):
            raise InputError(path, f"is not below {root}", hint="only the workspace's own files are looked at")
    return [file for file in files if not asked or any((root / file).is_relative_to(path) for path in asked)]


def with_ruff(root: Path, files: Sequence[str], fix: bool) -> bool:
    """Whether ruff is content with Python files, which it changes first with `fix`. It prints what it finds."""
    python = [file for file in files if file.endswith((".py", ".pyi"))]
    if not python:
        return True
    program = ruff_program()
    checked = subprocess.run([program, "check", *(["--fix"] if fix else []), *python], cwd=root, check=False)
    formatted = subprocess.run([program, "format", *([] if fix else ["--diff"]), *python], cwd=root, check=False)
    return checked.returncode == formatted.returncode == 0


def run(root: Path, asked: Sequence[Path], fix: bool) -> int:
    """Looks at everything that was asked for. Returns the exit status: 1 where something is left to be mended."""
    everything = files_of(root)
    files = chosen(root, everything, asked)
    content = with_ruff(root, files, fix)
    problems = broken_links(root, [file for file in files if file.endswith(".md")], everything)
    for file in files:
        if (shell := shell_of(root / file)) and (problem := syntax_error(root / file, shell)):
            problems.append(problem)
    for problem in problems:
        say(problem)
    if content and not problems:
        say(f"{len(files)} files: nothing to mend")
        return 0
    say("something is left to be mended" if fix else "something is to be mended; --fix does what can be done by itself")
    return 1


def main(
    files: Annotated[list[Path] | None, typer.Argument(help="Files and folders; everything, if none.")] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Format, and mend what ruff can mend.")] = False,
) -> None:
    """Python by ruff, links in Markdown, syntax of shell scripts. Types are tests: bazel test //tools/lint:types."""
    try:
        status = run(workspace_root(), [Path(os.path.abspath(user_path(file))) for file in files or []], fix)
    except UserError as error:
        say(f"error: {error}")
        raise typer.Exit(2) from error
    raise typer.Exit(status)


if __name__ == "__main__":
    typer.run(main)
