"""The Dockerfiles against each other, and against what they name."""

from __future__ import annotations

import re

import pytest
from dockerfile import ROOT, SERVICES, defaults, dockerfile, instructions, last_stage


@pytest.mark.parametrize("service", SERVICES)
def test_the_base_is_the_one_of_module_bazel(service: str) -> None:
    module = (ROOT / "MODULE.bazel").read_text(encoding="utf-8")
    pull = re.search(r"oci\.pull\((.*?)\n\)", module, re.DOTALL)
    assert pull
    told = dict(re.findall(r'(digest|image) = "([^"]+)"', pull[1]))
    assert defaults(instructions(dockerfile(service)))["BASE_IMAGE"] == f"{told['image']}@{told['digest']}"


def test_the_dockerfiles_differ_in_names_and_ports_only() -> None:
    texts = set()
    for service in SERVICES:
        text = dockerfile(service).replace(service, "SERVICE").replace(service.replace("-", "_"), "LOCK")
        text = text.replace(f'"-m", "{service.removeprefix("service-")}"]', '"-m", "PACKAGE"]')
        texts.add(re.sub(r"^EXPOSE .*\n", "", text, flags=re.MULTILINE))
    assert len(texts) == 1


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_copied_is_not_ignored(service: str) -> None:
    ignoring = (ROOT / "services" / service / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignoring[1] == "*"
    taken = [line.removeprefix("!") for line in ignoring if line.startswith("!")]
    copied = [
        source
        for name, rest in instructions(dockerfile(service))
        if name == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]
    for source in copied:
        assert any(f"{source}/".startswith(f"{path}/") or path.startswith(f"{source}/") for path in taken), source
    # And nothing is sent that is not copied.
    for path in taken:
        assert any(f"{source}/".startswith(f"{path}/") or path.startswith(f"{source}/") for source in copied), path


@pytest.mark.parametrize("service", SERVICES)
def test_each_part_is_a_layer_and_the_code_comes_last(service: str) -> None:
    copies = [rest for name, rest in last_stage(dockerfile(service)) if name == "COPY"]
    assert copies == [f"--from=layers /layers/{part} /" for part in ("interpreter", "packages", "code")]
