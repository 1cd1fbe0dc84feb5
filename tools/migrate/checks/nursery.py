"""A process that has loaded other people's modules already, and forks for each import: quick where these are large."""

import json
import shutil
import subprocess
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

from migrate.checks.running import Runner

_PROGRAM = Path(__file__).with_name("nursery_program.py")
_IMPORTER = Path(__file__).with_name("importer.py")
IMPORTER_NAME = "migrate_verify_importer"


class Nursery:
    """Imports modules of any tree with the runner's interpreter, one at a time.

    An import that succeeds here could fail in a process of its own: where a module uses what it does not import, and
    something of other people's did. So it is for those who ask for it, and what fails here is asked again there.
    """

    def __init__(self, runner: Runner, names: Iterable[str]) -> None:
        """`names` are other people's modules; those that cannot be imported are passed over."""
        importer = runner.support / f"{IMPORTER_NAME}.py"
        if not importer.exists():
            shutil.copyfile(_IMPORTER, importer)
        program = runner.support / "migrate_verify_nursery.py"
        shutil.copyfile(_PROGRAM, program)
        environment = runner.environment()
        self._home = Path(environment["HOME"])
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [str(runner.python), str(program), *sorted(names)],
            cwd=self._home,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def imports(
        self, tree: Path, name: str, roots: Sequence[Path], environment: dict[str, str], out: Path, timeout: float
    ) -> bool:
        """Whether it came to a result, which is in the file `out`. False, too, where the nursery itself has ended."""
        request = {
            "name": name,
            "tree": str(tree),
            "roots": [str(root) for root in roots],
            "environment": environment,
            "out": str(out),
            "said": str(out.with_suffix(".said")),
            "timeout": timeout,
        }
        assert self._process.stdin is not None and self._process.stdout is not None
        with self._lock:
            try:
                self._process.stdin.write(json.dumps(request) + "\n")
                self._process.stdin.flush()
                answer = self._process.stdout.readline()
            except OSError:
                return False
        return bool(answer) and json.loads(answer)["status"] == 0

    def __enter__(self) -> "Nursery":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()
        shutil.rmtree(self._home, ignore_errors=True)
