"""The command line: `bazel run //tools/affected -- [BASE..HEAD] [--format FORM] [--explain] [--output FILE]`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from affected.causes import find_causes
from affected.changes import Changes, changes_in, text_at
from affected.graph import Graph
from affected.loading import reader
from affected.module_file import read_module_file
from affected.querying import bazel_of, query_graph
from affected.report import Format, as_json, lines, summary
from affected.spreading import Effect, spread
from buildgen.starlark import StarlarkError
from lock.workspace import MARK, workspace_root
from shared_libs.common.command_line import run_command_line
from shared_libs.common.errors import InputError
from shared_libs.common.files import atomic_write
from shared_libs.utils.paths import user_path

app = typer.Typer(add_completion=False)


@app.command()
def affected(
    asked: Annotated[
        str,
        typer.Argument(
            metavar="[RANGE]",
            help="BASE..HEAD, or BASE...HEAD from where the two parted, or BASE. HEAD: what is not committed.",
        ),
    ] = "HEAD",
    form: Annotated[
        Format, typer.Option("--format", help="Which targets, one a line; or json, everything with reasons.")
    ] = Format.TARGETS,
    explain: Annotated[bool, typer.Option("--explain", help="Say of each target why.")] = False,
    manual: Annotated[
        bool, typer.Option("--manual", help="Also targets tagged manual, which //... leaves out.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", help="Write to this file; fit for Bazel's --target_pattern_file.")
    ] = None,
    bazel: Annotated[str | None, typer.Option("--bazel", help="The command that starts Bazel: ./bazelw.")] = None,
) -> None:
    """Prints the Bazel targets that the changes of a git range affect, those in the working tree included.

    Where it cannot be sure, a target counts. Nothing affected is an empty list.
    """
    root = workspace_root()
    changes = changes_in(root, asked)
    graph = Graph()
    effect = Effect([], {}, [])
    if changes.files:
        graph, effect = look_up(root, changes, bazel)
    if form is Format.JSON:
        text = as_json(effect, changes, manual=manual) + "\n"
    else:
        text = "".join(f"{line}\n" for line in lines(effect, form, manual=manual, explain=explain))
    if output is None:
        sys.stdout.write(text)
    else:
        with atomic_write(user_path(output), "w") as file:
            file.write(text)
    for line in summary(effect, changes, graph):
        print(line, file=sys.stderr)


def look_up(root: Path, changes: Changes, bazel: str | None) -> tuple[Graph, Effect]:
    """The graph of the workspace, and what the changes affect in it."""
    read = reader(root)
    try:
        module = read_module_file(read(MARK) or "")
    except StarlarkError as error:
        raise InputError(root / MARK, str(error), line=error.line, hint="./bazelw query //... must work") from error
    graph = query_graph(root, bazel_of(root, bazel), module.own_repositories)
    causes = find_causes(changes, graph, module, read, lambda path: text_at(root, changes.base, path))
    return graph, spread(graph, causes, module)


def main(arguments: Sequence[str] | None = None) -> int:
    return run_command_line(app, "affected", arguments, interrupted="interrupted")


if __name__ == "__main__":
    sys.exit(main())
