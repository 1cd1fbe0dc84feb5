"""Which files are scripts, and what their shell says of them."""

from pathlib import Path

import pytest

from lint.scripts import shell_of, syntax_error


@pytest.mark.parametrize(
    ("name", "text", "shell"),
    [
        ("a", "#!/usr/bin/env bash\n", "bash"),
        ("a", "#! /bin/sh -e\n", "sh"),
        ("a.sh", "# a part\n", "bash"),
        ("a", "#!/usr/bin/env python3\n", None),
        ("a", "text\n", None),
        ("a", "", None),
    ],
)
def test_a_script_names_its_shell(tmp_path: Path, name: str, text: str, shell: str | None) -> None:
    (tmp_path / name).write_text(text)
    assert shell_of(tmp_path / name) == shell


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_a_script_that_cannot_be_parsed_is_told_with_its_place(tmp_path: Path, shell: str) -> None:
    script = tmp_path / "a.sh"
    script.write_text("echo yes\n")
    assert syntax_error(script, shell) is None
    script.write_text("touch here\nif true; then\n")
    assert str(script) in (syntax_error(script, shell) or "")
    assert not (tmp_path / "here").exists()
