"""What a Python target tells the targets that depend on it."""

PyInfo = provider(
    doc = "Python code and how to import it.",
    fields = {
        "imports": "depset of str: folders for sys.path, relative to the runfiles root.",
        "transitive_sources": "depset of File: the code of this target and of all it depends on.",
    },
)
