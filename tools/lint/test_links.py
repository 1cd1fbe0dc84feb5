"""Every link in a Markdown file to a file or a heading of the workspace leads there."""

import os
from pathlib import Path

from lint.links import broken_links

FILES = Path(os.environ["FILES"])


def test_no_link_leads_nowhere() -> None:
    files = FILES.read_text(encoding="utf-8").splitlines()
    documents = [path for path in files if path.endswith(".md")]
    assert "README.md" in documents
    assert broken_links(FILES.parent, documents, files) == []
