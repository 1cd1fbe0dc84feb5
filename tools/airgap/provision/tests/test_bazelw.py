"""What bazelw chooses, passes on and refuses, on a machine of fakes: its own PATH, its own cache, no network.

A real provision downloads 400 MB and is tried by hand; here stand the parts around it.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

HERE = Path(__file__).absolute()
TOOLS = """
    awk basename bash cat chmod cksum cp cut date df dirname env find flock grep head id ls mkdir mktemp mv paste
    readlink rm rmdir sed setsid sha256sum sleep sort tail timeout touch tr uname wc
"""


def workspace_root() -> Path:
    return next(folder for folder in HERE.parents if (folder / "bazelw").exists())


class Machine:
    """A workspace (with a space in its path), a cache and a PATH of fakes."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.cache = folder / "a cache"
        self.workspace = folder / "a workspace"
        self.log = folder / "log"
        self.bin.mkdir(parents=True)
        (self.workspace / "tools/airgap/provision").mkdir(parents=True)
        shutil.copy(workspace_root() / "bazelw", self.workspace / "bazelw")
        for part in (workspace_root() / "tools/airgap/provision").iterdir():
            if part.suffix in (".sh", ".txt"):
                shutil.copy(part, self.workspace / "tools/airgap/provision" / part.name)
        for tool in TOOLS.split():
            where = shutil.which(tool)
            if where:
                (self.bin / tool).symlink_to(where)
        self.network(reachable=False)

    def fake(self, name: str, script: str) -> Path:
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!{self.bin}/bash\n{script}\n")
        path.chmod(0o755)
        return path

    def network(self, *, reachable: bool, content: str = "not bazelisk") -> None:
        """A curl that notes each call, and answers each with CONTENT or none."""
        self.fake(
            "curl",
            f'echo "curl $*" >>"{self.log}"\n'
            + (
                'while (($#)); do [[ $1 == -o && $2 != /dev/null ]] && printf %s "' + content + '" >"$2"; shift; done'
                if reachable
                else "exit 6"
            ),
        )

    def bazel(self, name: str, version: str = "7.7.1") -> Path:
        """A Bazel that says who it is, where, and with what; its exit code is its last argument if that is a number."""
        return self.fake(
            name,
            f'[[ $1 == --version ]] && echo "bazel {version}" && exit\n'
            f'echo "{name} in $PWD:"; printf "<%s>" "$@"; echo; [[ ${{!#}} =~ ^[0-9]+$ ]] && exit "${{!#}}"; exit 0',
        )

    def environment(self, **extra: str) -> dict[str, str]:
        return {"PATH": str(self.bin), "HOME": str(self.cache.parent), "LAXAI_CACHE": str(self.cache), **extra}

    def run(self, *arguments: str, cwd: str = ".", **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.bin / "bash", self.workspace / "bazelw", *arguments],
            cwd=self.workspace / cwd,
            env=self.environment(**extra),
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def debian(self, *, architecture: str = "amd64", bazel: str = "7.7.1+ds-8") -> None:
        """apt and dpkg of a Debian machine whose mirror has one package list and that version of Bazel."""
        self.fake("dpkg", f"echo {architecture}")
        self.fake("apt-config", "echo 'Acquire::http::Proxy \"http://proxy.example:3128\";'")
        self.fake(
            "apt-get",
            'case "$*" in\n'
            "  *--print-uris*)\n"
            "    echo \"'http://mirror.example/debian/dists/bookworm/main/binary-amd64/Packages.xz' x 0\" ;;\n"
            f'  update*) cat "$APT_CONFIG" >>"{self.log}"; : >"${{APT_CONFIG%/*}}/lists/x_Packages" ;;\n'
            "  install*) echo 'Inst bazel-bootstrap (7.7.1 Debian:testing [amd64])' ;;\n"
            "  *) exit 1 ;;\n"
            "esac",
        )
        self.fake(
            "apt-cache",
            f"case $1 in policy) echo '  Candidate: {bazel}' ;; "
            "show) echo 'Size: 400000000'; echo 'Installed-Size: 1200000' ;; esac",
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def one_error(result: subprocess.CompletedProcess[str]) -> str:
    errors = [line for line in result.stderr.splitlines() if line.startswith("bazelw: error: ")]
    assert len(errors) == 1, result.stderr
    assert result.returncode == 36
    return errors[0]


def test_bazel_in_the_environment_comes_first(machine: Machine) -> None:
    mine = machine.bazel("mine")
    machine.bazel("bazelisk")
    result = machine.run("test", "//...", "a  b", BAZEL=str(mine))
    assert result.stdout.splitlines() == [f"mine in {machine.workspace}:", "<test><//...><a  b>"]
    assert machine.calls() == []


def test_arguments_folder_and_exit_code_are_passed_on_from_a_sub_folder(machine: Machine) -> None:
    machine.network(reachable=True)
    machine.bazel("bazelisk")
    (machine.workspace / "services/x").mkdir(parents=True)
    result = machine.run("run", ":y", "--", "37", cwd="services/x")
    assert result.stdout.splitlines() == [f"bazelisk in {machine.workspace}/services/x:", "<run><:y><--><37>"]
    assert result.returncode == 37


def test_bazelisk_is_preferred_to_bazel(machine: Machine) -> None:
    machine.network(reachable=True)
    machine.bazel("bazel")
    machine.bazel("bazelisk")
    assert machine.run("--which").stdout.startswith(f"bazelisk: {machine.bin}/bazelisk\n")


def test_a_bazel_that_is_too_old_is_passed_over_and_named(machine: Machine) -> None:
    machine.network(reachable=True)
    machine.bazel("bazel", version="6.5.0")
    result = machine.run("--which")
    assert "6.5.0" in result.stderr
    assert result.stdout.startswith("airgap: ")


def test_without_the_registry_the_way_is_airgap_and_says_why(machine: Machine) -> None:
    machine.bazel("bazelisk")
    result = machine.run("--which")
    assert result.stdout.startswith("airgap: ")
    assert "because bcr.bazel.build and github.com cannot be reached" in result.stdout


def test_the_choice_is_recorded_and_made_anew_when_asked(machine: Machine) -> None:
    machine.bazel("bazelisk")
    assert machine.run("--which").stdout.startswith("airgap: ")
    probes = len(machine.calls())
    machine.network(reachable=True)
    assert machine.run("--which").stdout.startswith("airgap: ")
    assert len(machine.calls()) == probes == 2
    assert machine.run("--redetect").stdout.startswith("bazelisk: ")


def test_a_recorded_bazel_that_is_gone_is_chosen_anew(machine: Machine) -> None:
    machine.network(reachable=True)
    machine.bazel("bazelisk")
    machine.run("--which")
    (machine.bin / "bazelisk").unlink()
    machine.bazel("bazel")
    assert machine.run("--which").stdout.startswith("system: ")


def test_a_download_with_another_checksum_is_refused(machine: Machine) -> None:
    machine.network(reachable=True, content="something else")
    result = machine.run("--which")
    assert result.stdout.startswith("airgap: ")
    assert "its checksum is" in result.stdout
    assert not [path for path in machine.cache.iterdir() if path.name.startswith("bazelisk")]


def test_a_registry_folder_is_passed_with_its_own_bazelrc(machine: Machine) -> None:
    machine.bazel("bazelisk")
    registry = machine.cache.parent / "a registry"
    registry.mkdir()
    (registry / "bazel_registry.json").write_text("{}")
    (registry / "laxai.bazelrc").write_text("")
    result = machine.run("build", LAXAI_REGISTRY="../a registry")
    option = result.stdout.splitlines()[1].removeprefix("<--bazelrc=").split(">")[0]
    escaped = str(registry).replace(" ", "%20")
    assert Path(option).read_text().splitlines() == [
        f'common "--registry=file://{escaped}"',
        "common --lockfile_mode=off",
        f'import "{registry}/laxai.bazelrc"',
    ]
    assert machine.calls() == []


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"LAXAI_BAZEL": "sometimes"}, "LAXAI_BAZEL=sometimes"),
        ({"LAXAI_BAZEL": "system"}, "no bazelisk or bazel on the PATH"),
        ({"LAXAI_BAZEL": "bazelisk"}, "cannot be downloaded"),
        ({"LAXAI_REGISTRY": "nowhere"}, "no bazel_registry.json"),
        ({"BAZEL": "/nowhere/bazel"}, "BAZEL=/nowhere/bazel is not a program"),
    ],
)
def test_a_wrong_setting_is_one_line(machine: Machine, setting: dict[str, str], says: str) -> None:
    assert says in one_error(machine.run("build", "//...", **setting))


def test_signals_reach_bazel_at_the_process_id_of_bazelw(machine: Machine) -> None:
    mine = machine.fake("mine", 'trap "echo stopped; exit 40" TERM; echo ready; while :; do sleep 0.05; done')
    process = subprocess.Popen(
        [machine.bin / "bash", machine.workspace / "bazelw", "run"],
        cwd=machine.workspace,
        env=machine.environment(BAZEL=str(mine)),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.communicate()[0] == "stopped\n"
    assert process.returncode == 40


def test_another_system_than_debian_is_told_what_to_do(machine: Machine) -> None:
    assert "needs a Debian system" in one_error(machine.run("build"))


def test_an_unknown_architecture_is_named(machine: Machine) -> None:
    machine.debian(architecture="riscv64")
    assert "riscv64" in one_error(machine.run("build"))


def test_a_machine_without_apt_sources_is_told_so(machine: Machine) -> None:
    machine.debian()
    machine.fake("apt-get", "exit 0")
    assert "apt has no sources" in one_error(machine.run("build"))


def test_a_mirror_that_does_not_answer_is_named(machine: Machine) -> None:
    machine.debian()
    apt = (machine.bin / "apt-get").read_text()
    machine.fake("apt-get", apt.replace("update*) ", "update*) exit 100;"))
    assert "http://mirror.example/debian" in one_error(machine.run("build"))


def test_a_suite_with_another_bazel_says_which_version_it_has(machine: Machine) -> None:
    machine.debian(bazel="8.4.2+ds-1")
    assert "8.4.2+ds-1" in one_error(machine.run("build"))


def test_before_a_download_the_size_and_the_disk_are_said_and_too_little_disk_is_refused(machine: Machine) -> None:
    machine.debian()
    machine.fake("df", "echo Avail; echo 1000000")
    result = machine.run("build")
    assert "not enough disk" in one_error(result)
    assert "to download: 800 MB" in result.stderr
    assert "because bcr.bazel.build and github.com cannot be reached" in result.stderr


def test_the_hosts_proxy_is_kept_and_its_hooks_are_not(machine: Machine) -> None:
    machine.debian()
    machine.fake("apt-config", "echo 'Acquire::http::Proxy \"http://p\";'; echo 'APT::Update::Post-Invoke:: \"rm x\";'")
    machine.fake("df", "echo Avail; echo 1000000")
    machine.run("build")
    settings = "\n".join(machine.calls())
    assert 'Acquire::http::Proxy "http://p";' in settings
    assert "Post-Invoke" not in settings


def test_a_second_call_waits_for_the_one_that_provisions(machine: Machine) -> None:
    (machine.cache / "airgap").mkdir(parents=True)
    holder = subprocess.Popen([shutil.which("flock") or "flock", machine.cache / "airgap/lock", "sleep", "60"])
    try:
        deadline = time.monotonic() + 30
        while subprocess.run(["flock", "-n", machine.cache / "airgap/lock", "true"], check=False).returncode == 0:
            assert time.monotonic() < deadline
        waiting = subprocess.Popen(
            [machine.bin / "bash", machine.workspace / "bazelw", "build"],
            cwd=machine.workspace,
            env=machine.environment(LAXAI_BAZEL="airgap"),
            stderr=subprocess.PIPE,
            text=True,
        )
        assert waiting.stderr is not None
        assert waiting.stderr.readline() == "bazelw: waiting for another bazelw that is provisioning\n"
        waiting.kill()
        waiting.communicate()
    finally:
        holder.kill()
        holder.wait()


def provisioned(machine: Machine) -> Path:
    """A provision whose dynamic loader refuses to start anything."""
    parts = machine.workspace / "tools/airgap/provision"
    made_from = ("packages.txt", "interpreter-packages.txt", "image-packages.txt", "root.sh", "interpreter.sh")
    text = b"".join((parts / name).read_bytes() for name in made_from)
    key = subprocess.run(["cksum"], input=text, capture_output=True, check=True).stdout.split()[0].decode()
    provision = machine.cache / "airgap" / key
    loader = provision / "root/lib64/ld-linux-x86-64.so.2"
    loader.parent.mkdir(parents=True)
    loader.write_text(f"#!{machine.bin}/bash\nexit 1\n")
    loader.chmod(0o755)
    facts = ["architecture=amd64", "multiarch=x86_64-linux-gnu", "python=/p", "pip=/q", "image_debs=/r"]
    (provision / "facts").write_text("\n".join(facts) + "\n")
    return provision


def test_a_machine_with_neither_namespaces_nor_proot_is_told_so(machine: Machine) -> None:
    provisioned(machine)
    assert "neither namespaces nor ptrace" in one_error(machine.run("build"))


def test_a_provision_that_is_there_is_not_made_again(machine: Machine) -> None:
    provision = provisioned(machine)
    result = machine.run("build")
    assert "download" not in result.stderr
    assert (provision / "used").read_text() == f"{machine.workspace}\n"


def test_old_provisions_go_unless_another_workspace_uses_them(machine: Machine, tmp_path: Path) -> None:
    airgap = machine.cache / "airgap"
    other = tmp_path / "other workspace"
    other.mkdir()
    for key, user in {"1": machine.workspace, "2": other, "3": tmp_path / "gone", "4": machine.workspace}.items():
        (airgap / key).mkdir(parents=True)
        (airgap / key / "used").write_text(f"{user}\n")
        (airgap / key / "facts").write_text(f"python={airgap}/python-{key}\npip={airgap}/pip-{key}\nimage_debs=x\n")
        (airgap / f"python-{key}").mkdir()
    script = (
        "set -euo pipefail; parts=$workspace/tools/airgap/provision; "
        'source "$parts/say.sh"; source "$parts/places.sh"; source "$parts/provision.sh"; '
        "provision=$airgap/4; remove_old_provisions"
    )
    environment = machine.environment(workspace=str(machine.workspace))
    subprocess.run([machine.bin / "bash", "-c", script], env=environment, check=True, capture_output=True)
    assert sorted(path.name for path in airgap.iterdir()) == ["2", "4", "python-2", "python-4"]


def test_removing_takes_read_only_outputs_too_and_leaves_the_choice(machine: Machine) -> None:
    output = machine.cache / "airgap/bazel/base/execroot"
    output.mkdir(parents=True)
    (output / "file").write_text("x")
    output.chmod(0o555)
    result = machine.run("--airgap-remove")
    assert result.returncode == 0, result.stderr
    assert not (machine.cache / "airgap").exists()
