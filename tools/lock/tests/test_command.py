"""`python -m lock` on a workspace of its own, with wheels from a folder."""

import json

from lock.lockfile import read_lock
from lock.testing import Workspace
from shared_libs.common.files import sha256_file


def test_a_lock_is_made_and_made_again_without_a_byte_changed(workspace: Workspace) -> None:
    workspace.wheel("alpha", "1.0", ["beta>=1"])
    workspace.wheel("beta", "1.5")
    workspace.write("shared_libs.in", "alpha>=1\n")
    done = workspace.lock()
    assert done.returncode == 0, done.stderr
    first = workspace.files()
    lock = workspace.read("shared_libs.txt")
    assert "alpha==1.0 \\\n    --hash=sha256:" in lock and "# via -r requirements/shared_libs.in" in lock
    assert "beta==1.5 \\\n    --hash=sha256:" in lock and "# via alpha" in lock
    assert "bazel run //tools/lock" in lock
    assert str(workspace.wheels) not in lock and str(workspace.root) not in lock
    assert json.loads(workspace.read("import_names.json"))["beta==1.5"]["imports"] == ["beta"]
    workspace.wheel("beta", "1.6")
    again = workspace.lock()
    assert again.returncode == 0, again.stderr
    assert workspace.files() == first


def test_upgrading_one_package_leaves_the_others(workspace: Workspace) -> None:
    for name in ("alpha", "beta"):
        workspace.wheel(name, "1.0")
    workspace.write("tools.in", "alpha\nbeta\n")
    workspace.write("other.in", "beta\n")
    assert workspace.lock().returncode == 0
    other = workspace.read("other.txt")
    for name in ("alpha", "beta"):
        workspace.wheel(name, "1.1")
        workspace.wheel(name, "1.2")
    assert workspace.lock("--upgrade-package", "alpha==1.1").returncode == 0
    lock = workspace.read("tools.txt")
    assert "alpha==1.1" in lock and "beta==1.0" in lock
    assert workspace.read("other.txt") == other
    done = workspace.lock("tools", "--upgrade")
    assert "alpha 1.1 -> 1.2, beta 1.0 -> 1.2" in done.stderr
    assert workspace.read("other.txt") == other


def test_check_changes_nothing_and_shows_the_difference(workspace: Workspace) -> None:
    workspace.wheel("alpha", "1.0")
    workspace.wheel("beta", "1.0")
    workspace.write("tools.in", "alpha\n")
    assert workspace.lock().returncode == 0
    assert workspace.lock("--check").returncode == 0
    workspace.write("tools.in", "alpha\nbeta\n")
    before = workspace.files()
    done = workspace.lock("--check")
    assert done.returncode == 1
    assert "+beta==1.0" in done.stdout
    assert workspace.files() == before


def test_when_one_lock_fails_none_is_changed(workspace: Workspace) -> None:
    workspace.wheel("alpha", "1.0")
    workspace.write("good.in", "alpha\n")
    workspace.write("poor.in", "gamma\n")
    before = workspace.files()
    done = workspace.lock()
    assert done.returncode == 2
    assert "gamma" in done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"error: {workspace.root}/requirements/poor.in: cannot be locked")
    assert workspace.files() == before


def test_a_constraint_holds_for_its_own_lock_only_also_from_scratch(workspace: Workspace) -> None:
    for version in ("1.0", "2.0"):
        workspace.wheel("alpha", version)
    workspace.write("shared_libs.in", "alpha>=1\n")
    workspace.write("shared_libs.constraints", "alpha==1.*\n")
    workspace.write("service_x.in", "-r shared_libs.in\n")
    assert workspace.lock().returncode == 0
    assert "alpha==1.0" in workspace.read("shared_libs.txt")
    assert "alpha==2.0" in workspace.read("service_x.txt")


def test_a_part_is_included_and_is_no_lock(workspace: Workspace) -> None:
    for name in ("alpha", "beta"):
        workspace.wheel(name, "1.0")
    workspace.write("common.part", "alpha\n")
    workspace.write("one.in", "-r common.part\nbeta\n")
    workspace.write("two.in", "-r common.part\n")
    done = workspace.lock()
    assert done.returncode == 0, done.stderr
    assert "alpha==1.0" in workspace.read("one.txt") and "beta==1.0" in workspace.read("one.txt")
    assert "via -r requirements/common.part" in workspace.read("two.txt") and "beta" not in workspace.read("two.txt")
    assert not (workspace.root / "requirements" / "common.txt").exists()


def test_a_build_with_a_label_is_locked_only_where_its_label_is_asked_for(workspace: Workspace) -> None:
    released, labelled = workspace.wheel("alpha", "1.0"), workspace.wheel("alpha", "1.0+cpu")
    expected = {
        "alpha==1.0": ("alpha==1.0", sha256_file(released)),
        "alpha>=0.9": ("alpha==1.0", sha256_file(released)),
        "alpha==1.0+cpu": ("alpha==1.0+cpu", sha256_file(labelled)),
    }
    for number, asked in enumerate(expected):
        workspace.write(f"lock{number}.in", f"{asked}\n")
    done = workspace.lock()
    assert done.returncode == 0, done.stderr
    for number, (key, digest) in enumerate(expected.values()):
        (pin,) = read_lock(workspace.root / "requirements" / f"lock{number}.txt")
        assert (pin.key, pin.hashes) == (key, frozenset({digest}))


def test_an_index_out_of_reach_is_left_out_and_no_address_is_written(workspace: Workspace) -> None:
    workspace.wheel("alpha", "1.0+cpu")
    workspace.wheel("alpha", "1.0", tag="cp311-cp311-macosx_11_0_arm64")
    away = (workspace.root / "away").as_uri()
    workspace.write(
        "service_x.in",
        f'--extra-index-url {away}\nalpha==1.0+cpu ; sys_platform != "darwin"\nalpha==1.0 ; sys_platform == "darwin"\n',
    )
    done = workspace.lock()
    assert done.returncode == 0, done.stderr
    assert f"{away} does not answer" in done.stderr
    lock = workspace.read("service_x.txt")
    assert 'alpha==1.0+cpu ; sys_platform != "darwin"' in lock
    assert 'alpha==1.0 ; sys_platform == "darwin"' in lock
    assert "://" not in lock
    assert list(json.loads(workspace.read("import_names.json"))) == ["alpha==1.0+cpu"]


def test_unknown_names_and_packages_are_refused(workspace: Workspace) -> None:
    workspace.wheel("alpha", "1.0")
    workspace.write("service_x.in", "alpha\n")
    assert workspace.lock("service-x").returncode == 0
    for arguments, cause in (
        (["nonesuch"], "nonesuch: there is no such lock"),
        (["--upgrade-package", "nonesuch"], "nonesuch: none of these locks pins it"),
        (["--upgrade-package", "=="], "==: not a package"),
    ):
        done = workspace.lock(*arguments)
        assert done.returncode == 2
        assert done.stderr.startswith(f"error: {cause}"), done.stderr
