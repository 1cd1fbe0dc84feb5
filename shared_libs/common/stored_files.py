"""Files of storage, by their path in its layout (`storage.py`): below a folder, or in an object store behind fsspec.

Both kinds promise the same. A file appears whole or not at all, and what arrives is held against its checksum. A folder
is complete once its last file is there. A part of a path that begins with a dot is no part of storage: so do temporary
files. What fails for the moment is tried a few times; what goes wrong in the end is one line, a TransientError where
another try may do, otherwise an InputError where something was read, an OutputError where it was written.
"""

import os
from typing import TypeAlias

from shared_libs.common.errors import PathLike
from shared_libs.common.local_files import LocalFiles
from shared_libs.common.object_files import ObjectFiles
from shared_libs.utils.paths import user_path

__all__ = ["LocalFiles", "ObjectFiles", "StoredFiles", "stored_files"]

StoredFiles: TypeAlias = LocalFiles | ObjectFiles


def stored_files(storage: PathLike) -> StoredFiles:
    """The files of a storage: a folder, or a URL that fsspec knows (`file://`, `s3://`, `gs://`, `memory://`).

    A folder need not be there yet. Raises InputError for a URL that cannot be used here.
    """
    text = os.fspath(storage)
    scheme, separator, rest = text.partition("://")
    if not separator or scheme in ("file", "local"):
        return LocalFiles(user_path(os.path.expanduser(rest if separator else text)))
    return ObjectFiles(text)
