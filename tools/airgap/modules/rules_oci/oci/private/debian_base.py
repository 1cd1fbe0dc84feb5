"""Makes a base image of Debian packages: libraries and data, no shell, no package manager.

    debian_base.py --output FOLDER --architecture amd64 [--variant v8] PACKAGE.deb …

One layer holds what the packages unpack to, on merged /usr, without manuals and translations, plus what their
installation scripts would have made: users, certificates in one file, the local time. Bytes follow from the packages.
"""

import argparse
import gzip
import hashlib
import io
import lzma
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from layout import CONFIG, EPOCH, LAYER, MANIFEST, Layout, pretty

NONROOT = 65532

# Top folders that are links into /usr in Debian 12; its packages still name the old places.
_MERGED = ("bin", "lib", "lib64", "sbin")

# Nothing that runs in an image reads these; licences (usr/share/doc/*/copyright) are kept.
_LEFT_OUT = (
    "etc/default",
    "etc/init.d",
    "etc/issue",
    "etc/issue.net",
    "etc/update-motd.d",
    "usr/lib/x86_64-linux-gnu/gconv",
    "usr/lib/aarch64-linux-gnu/gconv",
    "usr/sbin",
    "usr/share/bug",
    "usr/share/gdb",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/locale",
    "usr/share/man",
)

_FILES = {
    "etc/group": f"root:x:0:\nnobody:x:65534:\ntty:x:5:\nstaff:x:50:\nnonroot:x:{NONROOT}:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
    "etc/passwd": (
        "root:x:0:0:root:/root:/sbin/nologin\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n"
        f"nonroot:x:{NONROOT}:{NONROOT}:nonroot:/home/nonroot:/sbin/nologin\n"
    ),
    "etc/timezone": "Etc/UTC\n",
}

_CERTIFICATES = PurePosixPath("usr/share/ca-certificates")
_BUNDLE = "etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True)
class Entry:
    """A folder (no content, no target), a file, or a symbolic link."""

    mode: int
    content: bytes | None = None
    target: str | None = None
    owner: int = 0


def members(package: Path) -> dict[str, bytes]:
    """The files of an `ar` archive, which a Debian package is (deb(5))."""
    data = package.read_bytes()
    if not data.startswith(b"!<arch>\n"):
        raise SystemExit(f"error: {package}: not a Debian package")
    result, position = {}, 8
    while position < len(data):
        header = data[position : position + 60]
        name, size = header[:16].decode().rstrip(" /"), int(header[48:58])
        result[name] = data[position + 60 : position + 60 + size]
        position += 60 + size + size % 2
    return result


def unpacked(package: Path, kind: str) -> tarfile.TarFile:
    """The archive `data` or `control` of a package."""
    found = [(name, data) for name, data in members(package).items() if name.startswith(kind + ".tar")]
    if not found:
        raise SystemExit(f"error: {package}: has no {kind}.tar")
    name, data = found[0]
    if name.endswith(".xz"):
        data = lzma.decompress(data)
    elif name.endswith(".gz"):
        data = gzip.decompress(data)
    elif name.endswith(".zst"):
        data = subprocess.run(["zstd", "-dc"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return tarfile.open(fileobj=io.BytesIO(data), mode="r:")


def place(name: str) -> str:
    """Where a package's file goes: no leading `./`, merged /usr."""
    path = name.removeprefix(".").strip("/")
    return f"usr/{path}" if path.split("/")[0] in _MERGED else path


def left_out(path: str) -> bool:
    if path.startswith("usr/share/doc/"):
        # usr/share/doc/PACKAGE may be a link to the package that holds the licence.
        return path.count("/") > 3 or (path.count("/") == 3 and not path.endswith("/copyright"))
    return any(path == prefix or path.startswith(prefix + "/") for prefix in _LEFT_OUT)


def control_of(package: Path) -> tuple[str, str]:
    """The name of a package, and what dpkg knows of it."""
    with unpacked(package, "control") as archive:
        for member in archive:
            if member.name.lstrip("./") == "control":
                stream = archive.extractfile(member)
                assert stream is not None
                control = stream.read().decode()
                name = next(line for line in control.splitlines() if line.startswith("Package: "))
                return name.removeprefix("Package: "), control
    raise SystemExit(f"error: {package}: has no control file")


def files_of(package: Path) -> Iterator[tuple[str, Entry]]:
    with unpacked(package, "data") as archive:
        for member in archive:
            path = place(member.name)
            if not path or left_out(path):
                continue
            if member.isdir():
                yield path, Entry(member.mode)
            elif member.issym():
                yield path, Entry(0o777, target=member.linkname)
            elif member.isfile() or member.islnk():
                stream = archive.extractfile(member)
                assert stream is not None
                yield path, Entry(member.mode, content=stream.read())
            else:
                raise SystemExit(f"error: {package}: {member.name} is neither a file, a folder nor a link")


def root_file_system(packages: list[Path]) -> tuple[dict[str, Entry], list[str]]:
    """Every path of the image, and the packages' names."""
    entries: dict[str, Entry] = {}
    names = []
    for package in packages:
        name, control = control_of(package)
        names.append(name)
        for path, entry in files_of(package):
            old = entries.setdefault(path, entry)
            if old.content is not None and old != entry:
                raise SystemExit(f"error: {package}: /{path} is in another package too")
        # Scanners of images read the installed packages here, where there is no package manager.
        entries[f"var/lib/dpkg/status.d/{name}"] = Entry(0o644, content=control.encode())

    for folder in _MERGED:
        entries[folder] = Entry(0o777, target=f"usr/{folder}")
        entries.setdefault(f"usr/{folder}", Entry(0o755))
    entries.update({path: Entry(0o644, content=text.encode()) for path, text in _FILES.items()})
    entries["etc/localtime"] = Entry(0o777, target="/usr/share/zoneinfo/Etc/UTC")
    entries["var/run"] = Entry(0o777, target="/run")
    entries["tmp"] = entries["var/tmp"] = Entry(0o1777)
    entries["root"] = Entry(0o700)
    entries["home/nonroot"] = Entry(0o700, owner=NONROOT)
    certificates = [
        entry.content
        for path, entry in sorted(entries.items())
        if path.endswith(".crt") and PurePosixPath(path).is_relative_to(_CERTIFICATES) and entry.content
    ]
    if certificates:
        text = b"".join(certificate.rstrip(b"\n") + b"\n" for certificate in certificates)
        entries[_BUNDLE] = Entry(0o644, content=text)
    for path in list(entries):
        for parent in PurePosixPath(path).parents:
            if parent.name:
                entries.setdefault(str(parent), Entry(0o755))
    return entries, names


def layer_of(entries: dict[str, Entry]) -> bytes:
    """A tar archive: sorted, with one time and without names of owners."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, entry in sorted(entries.items()):
            header = tarfile.TarInfo(path)
            header.mode = entry.mode
            header.uid = header.gid = entry.owner
            if entry.target is not None:
                header.type = tarfile.SYMTYPE
                header.linkname = entry.target
            elif entry.content is None:
                header.type = tarfile.DIRTYPE
            else:
                header.size = len(entry.content)
            archive.addfile(header, io.BytesIO(entry.content or b""))
    return buffer.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", required=True, type=Layout)
    parser.add_argument("--architecture", required=True)
    parser.add_argument("--variant")
    parser.add_argument("packages", nargs="+", type=Path)
    options = parser.parse_args()
    output: Layout = options.output

    entries, names = root_file_system(sorted(options.packages))
    archive = layer_of(entries)
    layer = output.write(f"{LAYER}+gzip", gzip.compress(archive, compresslevel=6, mtime=0))
    environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    if _BUNDLE in entries:
        environment.append(f"SSL_CERT_FILE=/{_BUNDLE}")
    config = {
        "architecture": options.architecture,
        "os": "linux",
        **({"variant": options.variant} if options.variant else {}),
        "created": EPOCH,
        "config": {"Env": environment, "User": "0", "WorkingDir": "/"},
        "history": [{"created": EPOCH, "created_by": "Debian packages: " + " ".join(names)}],
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(archive).hexdigest()]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": output.write(CONFIG, pretty(config)),
        "layers": [layer],
    }
    output.finish(output.write(MANIFEST, pretty(manifest)))


main()
