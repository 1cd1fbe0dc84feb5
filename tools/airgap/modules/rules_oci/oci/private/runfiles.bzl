"""Where a program finds a file at run time."""

def runfiles_path(ctx, file):
    """The path of a file below the runfiles root.

    Args:
        ctx: the rule's context.
        file: a File.

    Returns:
        A path with the repository's name in front.
    """
    if file.short_path.startswith("../"):
        return file.short_path.removeprefix("../")
    return ctx.workspace_name + "/" + file.short_path
