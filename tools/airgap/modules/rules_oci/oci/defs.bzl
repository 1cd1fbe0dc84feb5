"""Container images: `oci_image`, `oci_image_index`, `oci_load`, `oci_push`."""

load("@bazel_skylib//rules:write_file.bzl", "write_file")
load("//oci/private:digest.bzl", "oci_digest")
load("//oci/private:image.bzl", _oci_image_rule = "oci_image")
load("//oci/private:index.bzl", _oci_image_index_rule = "oci_image_index")
load("//oci/private:load.bzl", _oci_load_rule = "oci_load")
load("//oci/private:push.bzl", _oci_push_rule = "oci_push")

oci_image_index_rule = _oci_image_index_rule
oci_image_rule = _oci_image_rule
oci_push_rule = _oci_push_rule

# What a macro hands on to every target that it makes.
_COMMON = [
    "compatible_with",
    "deprecation",
    "exec_compatible_with",
    "exec_properties",
    "features",
    "restricted_to",
    "tags",
    "target_compatible_with",
    "testonly",
    "visibility",
]

def _common(kwargs):
    return {key: kwargs[key] for key in _COMMON if key in kwargs}

def _file(name, kind, value, common):
    """A label of a file with one entry per line, for values that stand in the BUILD file."""
    if type(value) == "dict":
        lines = ["{}={}".format(key, text) for key, text in value.items()]
    elif type(value) == "list":
        # %5Cn stands for a newline inside an entry, as in the files that people write for the real module.
        lines = [entry.replace("\n", "%5Cn") for entry in value]
    else:
        return value
    label = "{}_write_{}".format(name, kind)
    write_file(
        name = label,
        out = "{}.{}.txt".format(name, kind),
        content = lines,
        **common
    )
    return label

def oci_image(
        name,
        annotations = None,
        cmd = None,
        entrypoint = None,
        env = None,
        exposed_ports = None,
        labels = None,
        volumes = None,
        **kwargs):
    """An image as an OCI layout, and `<name>.digest`, a file with its digest.

    Args:
        name: the target's name.
        annotations: a dict, or a file of key=value lines.
        cmd: a list, or a file with an entry per line.
        entrypoint: as cmd; resets the base's cmd.
        env: a dict, or a file of key=value lines; `$KEY` and `${KEY}` stand for what the base or an earlier line sets.
        exposed_ports: a list, or a file with the entries separated by commas.
        labels: a dict, or a file of key=value lines.
        volumes: a list, or a file with the entries separated by commas.
        **kwargs: base, tars, created, user, workdir, os, architecture, variant, and what every rule has.
    """
    common = _common(kwargs)
    if type(exposed_ports) == "list":
        exposed_ports = [",".join(exposed_ports)]
    if type(volumes) == "list":
        volumes = [",".join(volumes)]
    _oci_image_rule(
        name = name,
        annotations = _file(name, "annotations", annotations, common),
        cmd = _file(name, "cmd", cmd, common),
        entrypoint = _file(name, "entrypoint", entrypoint, common),
        env = _file(name, "env", env, common),
        exposed_ports = _file(name, "exposed_ports", exposed_ports, common),
        labels = _file(name, "labels", labels, common),
        volumes = _file(name, "volumes", volumes, common),
        **kwargs
    )
    _digest(name, common)

def oci_image_index(name, **kwargs):
    """Images for several platforms under one digest, and `<name>.digest`.

    Args:
        name: the target's name.
        **kwargs: images, platforms, and what every rule has.
    """
    _oci_image_index_rule(name = name, **kwargs)
    _digest(name, _common(kwargs))

def _digest(name, common):
    oci_digest(
        name = name + ".digest",
        image = name,
        out = name + ".json.sha256",
        **common
    )

def oci_push(name, remote_tags = None, **kwargs):
    """`bazel run` pushes the image to a registry.

    Args:
        name: the target's name.
        remote_tags: a list, or a file with a tag per line.
        **kwargs: image, repository, repository_file, and what every rule has.
    """
    _oci_push_rule(
        name = name,
        remote_tags = _file(name, "tags", remote_tags, _common(kwargs)),
        **kwargs
    )

def oci_load(name, repo_tags = None, **kwargs):
    """`bazel run` loads the image into docker, podman or nerdctl; the output group `tarball` is the archive itself.

    Args:
        name: the target's name.
        repo_tags: a list, or a file with a repository:tag per line.
        **kwargs: image, format, loader, and what every rule has.
    """
    _oci_load_rule(
        name = name,
        repo_tags = _file(name, "tags", repo_tags, _common(kwargs)),
        **kwargs
    )
