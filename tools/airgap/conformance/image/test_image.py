"""What the images say that rules_oci makes."""

import gzip

from oci_layout import Image, file_of, sha256


def test_the_configuration_says_what_the_build_file_says() -> None:
    config = Image(file_of("IMAGE")).config
    assert (config["os"], config["architecture"]) == ("linux", "amd64")
    assert config["config"] == {
        "Cmd": ["--polite"],
        "Entrypoint": ["/opt/python/bin/python3.11", "-c", "import sys\nprint(sys.argv)"],
        "Env": ["GREETING=hello = hello", "PATH=/usr/bin"],
        "ExposedPorts": {"8080/tcp": {}, "9090": {}},
        "Labels": {"org.opencontainers.image.source": "https://example.org/a?b=c"},
        "User": "65532",
        "Volumes": {"/data": {}},
        "WorkingDir": "/srv/app",
    }


def test_annotations_stand_in_the_manifest() -> None:
    assert Image(file_of("IMAGE")).manifest["annotations"] == {"org.opencontainers.image.title": "conformance"}


def test_nothing_depends_on_when_it_was_built() -> None:
    config = Image(file_of("DERIVED_IMAGE")).config
    assert config["created"] == "1970-01-01T00:00:00Z"
    assert {entry["created"] for entry in config["history"]} == {"1970-01-01T00:00:00Z"}


def test_layers_are_the_archives_in_their_order() -> None:
    image = Image(file_of("IMAGE"))
    assert [layer["mediaType"] for layer in image.manifest["layers"]] == [
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.oci.image.layer.v1.tar",
    ]
    packages, settings, code = (image.blob(layer["digest"]) for layer in image.manifest["layers"])
    assert [layer["size"] for layer in image.manifest["layers"]] == [len(packages), len(settings), len(code)]
    assert code == file_of("CODE").read_bytes()
    assert image.config["rootfs"] == {
        "type": "layers",
        # The first is the digest of what zstd compressed.
        "diff_ids": [sha256(file_of("PACKAGES").read_bytes()), sha256(gzip.decompress(settings)), sha256(code)],
    }
    assert len(image.config["history"]) == 3


def test_the_digest_target_is_the_digest_of_the_manifest() -> None:
    for image, digest in (("IMAGE", "IMAGE_DIGEST"), ("INDEX", "INDEX_DIGEST")):
        assert file_of(digest).read_text(encoding="utf-8").strip() == Image(file_of(image)).digest


def test_a_derived_image_has_the_layers_of_its_base_and_its_own() -> None:
    base, derived = Image(file_of("IMAGE")), Image(file_of("DERIVED_IMAGE"))
    assert derived.manifest["layers"][:-1] == base.manifest["layers"]
    assert derived.config["rootfs"]["diff_ids"][:-1] == base.config["rootfs"]["diff_ids"]
    for layer in derived.manifest["layers"]:
        assert len(derived.blob(layer["digest"])) == layer["size"]


def test_a_derived_image_merges_its_settings_into_those_of_its_base() -> None:
    config = Image(file_of("DERIVED_IMAGE")).config["config"]
    assert config["Env"] == [
        "GREETING=hello = hello",
        "PATH=/opt/python/bin:/usr/bin",
        "GREETING_TWICE=hello = hello, hello = hello",
    ]
    assert config["Labels"] == {
        "org.opencontainers.image.source": "https://example.org/a?b=c",
        "org.opencontainers.image.version": "1",
    }
    assert config["User"] == "65532"


def test_an_entry_point_resets_the_arguments_of_the_base() -> None:
    config = Image(file_of("DERIVED_IMAGE")).config["config"]
    assert config["Entrypoint"] == ["/opt/python/bin/python3.11"]
    assert "Cmd" not in config


def test_an_index_names_each_image_with_its_platform() -> None:
    index = Image(file_of("INDEX"))
    assert index.manifest["mediaType"] == "application/vnd.oci.image.index.v1+json"
    platforms = {entry["digest"]: entry["platform"] for entry in index.manifest["manifests"]}
    assert list(platforms.values()) == [
        {"os": "linux", "architecture": "arm64", "variant": "v8"},
        {"os": "linux", "architecture": "amd64"},
    ]
    assert list(platforms)[1] == Image(file_of("IMAGE")).digest
    for digest in platforms:
        image = Image(file_of("INDEX"), digest)
        layers = [image.blob(layer["digest"]) for layer in image.manifest["layers"]]
        assert len(image.config["rootfs"]["diff_ids"]) == len(layers)
