from pathlib import Path

import pytest

from sbom.tests.image_files import DEBIAN, BaseImage, ImageFiles


@pytest.fixture
def image(tmp_path: Path) -> ImageFiles:
    return ImageFiles(tmp_path)


@pytest.fixture
def base(tmp_path: Path) -> BaseImage:
    return BaseImage(tmp_path / "base")


@pytest.fixture
def debian(base: BaseImage) -> Path:
    """A base image with one package."""
    return base.add_layer(DEBIAN).written()
