"""Files of storage, by their path in its layout (`storage.py`): below a folder, or in an object store behind fsspec.

Both kinds promise the same: a file appears whole or not at all; a folder that `add` made is complete once its last file
is there; what goes wrong is one line, an InputError where something was read, an OutputError where it was written.
"""

import contextlib
import hashlib
import logging
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import fsspec

from shared_libs.common.errors import InputError, OutputError, PathLike, UserError
from shared_libs.common.files import atomic_write, sha256_file
from shared_libs.utils.paths import user_path

_CHUNK = 1 << 20

# What goes wrong is said once, in an error, and not in the clients' logs as well, unless somebody has set those up.
for _client in ("fsspec", "gcsfs", "s3fs"):
    logging.getLogger(_client).addHandler(logging.NullHandler())


def stored_files(storage: PathLike) -> "LocalFiles | ObjectFiles":
    """The files of a storage: a folder, or a URL that fsspec knows (`file://`, `s3://`, `gs://`, `memory://`).

    A folder need not be there yet. Raises InputError for a URL that cannot be used here.
    """
    text = os.fspath(storage)
    scheme, separator, rest = text.partition("://")
    if not separator or scheme in ("file", "local"):
        return LocalFiles(user_path(os.path.expanduser(rest if separator else text)))
    return ObjectFiles(text)


class LocalFiles:
    """Files below a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def place(self, path: str = "") -> str:
        """Where a file is."""
        return str(self._root / path)

    def folders(self, path: str) -> list[str]:
        """Names of the folders in a folder, none where that is not there."""
        try:
            with os.scandir(self._root / path) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise InputError.from_os_error(self.place(path), error) from error

    def read(self, path: str) -> bytes | None:
        """The whole file, None where there is none."""
        try:
            return (self._root / path).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError.from_os_error(self.place(path), error) from error

    def sha256(self, path: str) -> str:
        """64 lower-case hex digits. InputError also where there is no such file."""
        return sha256_file(self._root / path)

    def write(self, path: str, content: bytes) -> None:
        """One file, in place of an older one."""
        with atomic_write(self._root / path) as file:
            file.write(content)

    def add(self, folder: str, files: Mapping[str, Path], last: str, content: bytes) -> None:
        """A new folder with copies of `files`, which can be read, and the file `last`, all at once.

        OutputError where the folder is there already.
        """
        target = self._root / folder
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
        try:
            temporary.mkdir(parents=True)
            for name, source in files.items():
                with open(source, "rb") as original, atomic_write(temporary / name) as copy:
                    shutil.copyfileobj(original, copy, _CHUNK)
            with atomic_write(temporary / last) as file:
                file.write(content)
            os.rename(temporary, target)  # fails onto a folder that has something in it, whoever was first
        except OutputError as error:
            raise OutputError(target, error.cause, hint=error.hint) from error
        except OSError as error:
            raise _is_taken(str(target)) if target.exists() else OutputError.from_os_error(target, error) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


class ObjectFiles:
    """Objects below a URL."""

    def __init__(self, url: str) -> None:
        """Raises InputError where the URL cannot be used here."""
        self._url = re.sub(r"://[^/@]*@", "://", url)  # for messages, so without a password
        try:
            self._system, root = fsspec.url_to_fs(url)
        except ImportError as error:
            hint = "install it beside this program, or name a folder (LAXAI_STORAGE)"
            raise InputError(self._url, f"needs a package that is not installed: {error}", hint=hint) from None
        except Exception as error:  # the clients' own kinds share no base
            hint = "name a folder, or a URL such as s3://bucket/laxai (LAXAI_STORAGE)"
            raise InputError(self._url, f"cannot be used as storage: {error}", hint=hint) from error
        self._root = root.rstrip("/")
        if not self._root and url.partition("://")[0] != "memory":
            raise InputError(self._url, "names no bucket", hint="name one, as in s3://bucket/laxai")

    def place(self, path: str = "") -> str:
        """Where a file is."""
        return f"{self._url.rstrip('/')}/{path}" if path else self._url

    def folders(self, path: str) -> list[str]:
        """Names of what is in a folder, none where that is not there."""
        with self._reading(path):
            self._system.invalidate_cache()
            try:
                names = self._system.ls(self._key(path), detail=False)
            except FileNotFoundError:
                self._check_bucket()
                return []
        return sorted(name.rstrip("/").rpartition("/")[2] for name in names)

    def read(self, path: str) -> bytes | None:
        """The whole file, None where there is none."""
        with self._reading(path):
            try:
                return bytes(self._system.cat_file(self._key(path)))
            except FileNotFoundError:
                self._check_bucket()
                return None

    def sha256(self, path: str) -> str:
        """64 lower-case hex digits. InputError also where there is no such file."""
        with self._reading(path), self._system.open(self._key(path), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def copy(self, path: str, target: Path) -> None:
        """To a file on this machine. InputError also where there is no such file; OSError where `target` fails."""
        with contextlib.ExitStack() as opened:
            with self._reading(path):
                original = opened.enter_context(self._system.open(self._key(path), "rb"))
            copy = opened.enter_context(open(target, "wb"))
            while True:
                with self._reading(path):
                    chunk = original.read(_CHUNK)
                if not chunk:
                    return
                copy.write(chunk)

    def write(self, path: str, content: bytes) -> None:
        """One file, in place of an older one."""
        with self._writing(path):
            self._system.pipe_file(self._key(path), content)

    def add(self, folder: str, files: Mapping[str, Path], last: str, content: bytes) -> None:
        """Copies of `files`, which can be read, in a folder, and then the file `last`.

        OutputError where that is there already.
        """
        if self.read(f"{folder}/{last}") is not None:
            raise _is_taken(self.place(folder))
        try:
            for name, source in files.items():
                with self._writing(f"{folder}/{name}"):
                    self._system.put_file(str(source), self._key(f"{folder}/{name}"))
            self.write(f"{folder}/{last}", content)
        except BaseException:
            for name in files:
                with contextlib.suppress(Exception):
                    self._system.rm_file(self._key(f"{folder}/{name}"))
            raise

    def _key(self, path: str) -> str:
        return f"{self._root}/{path}"

    def _check_bucket(self) -> None:
        """InputError where what the URL begins with is not there. Nothing makes a bucket by writing to it."""
        bucket = self._root.partition("/")[0]
        if bucket and "://" not in self._root and not self._system.exists(bucket):
            raise InputError(self._url, f"there is no bucket {bucket}", hint="check the name, or make the bucket")

    @contextlib.contextmanager
    def _reading(self, path: str) -> Iterator[None]:
        """Whatever the client raises inside the block is an InputError about `path`."""
        try:
            yield
        except UserError:
            raise
        except FileNotFoundError as error:
            raise InputError(self.place(path), "no such file", hint="check the path") from error
        except Exception as error:  # the clients' own kinds share no base
            cause, hint = _in_words(error, "read")
            raise InputError(self.place(path), cause, hint=hint) from error

    @contextlib.contextmanager
    def _writing(self, path: str) -> Iterator[None]:
        """Whatever the client raises inside the block is an OutputError about `path`."""
        try:
            yield
        except FileNotFoundError as error:
            cause, hint = "cannot be written: there is no such bucket", "check the name, or make the bucket"
            raise OutputError(self.place(path), cause, hint=hint) from error
        except Exception as error:  # as above
            cause, hint = _in_words(error, "written")
            raise OutputError(self.place(path), cause, hint=hint) from error


def _is_taken(place: str) -> OutputError:
    return OutputError(place, "is there already, and is not replaced", hint="choose another id")


def _in_words(error: Exception, done: str) -> tuple[str, str]:
    """The cause and what to do, for an error of a client in whose way something could not be read or written."""
    if isinstance(error, PermissionError):
        return f"may not be {done} (permission denied)", "check whose credentials these are, and what they allow"
    return f"cannot be {done}: {str(error) or type(error).__name__}", "check the URL, the network and the credentials"
