"""The command line: `bazel run //tools/migrate/benchmarks -- REPO --module src/common/tracker.py`."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from migrate.benchmarks.moving import TOOLS, commit_of, find_module, left, measure
from shared_libs.utils.paths import user_path


def main(
    repo: Annotated[Path, typer.Argument(help="A repository; it is copied, and stays as it is.")],
    module: Annotated[str, typer.Option("--module", help="The file to move, relative to the repository.")],
    rounds: Annotated[int, typer.Option("--rounds", help="The fastest of so many counts.")] = 3,
) -> None:
    """Move one module by migrate, rope and LibCST, and print times, ratios, and what each left behind."""
    root = user_path(repo)
    moved = find_module(root, module)
    imports, patches = left(root, moved)
    print(
        f"{root.name} {commit_of(root)}: {module}, known as {' and '.join(moved.names)}: "
        f"{imports} imports, {patches} patch strings"
    )
    with tempfile.TemporaryDirectory() as work:
        results = [measure(tool, root, moved, rounds, Path(work)) for tool in TOOLS]
    ours = results[0].seconds
    print(f"{'tool':10} {'seconds':>8} {'ratio':>7} {'imports left':>13} {'patch strings left':>19}")
    for result in results:
        if result.error:
            print(f"{result.tool:10} {result.error}")
            continue
        print(
            f"{result.tool:10} {result.seconds:8.2f} {result.seconds / ours:6.1f}x "
            f"{result.imports:13} {result.patches:19}"
        )


if __name__ == "__main__":
    typer.run(main)
