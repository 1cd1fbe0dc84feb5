import pytest

from shared_libs.common.configured import load_settings
from shared_libs.common.errors import InputError
from shared_libs.config.storage import StorageSettings


def test_what_was_typed_comes_before_what_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAXAI_TENANT", "reds")
    assert load_settings(StorageSettings, tenant=None).tenant == "reds"
    assert load_settings(StorageSettings, tenant="blues").tenant == "blues"


def test_a_wrong_setting_is_one_line_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAXAI_LOG_LEVEL", "loud")
    with pytest.raises(InputError, match=r"^LAXAI_LOG_LEVEL: .* – correct the setting, or take it away$"):
        load_settings(StorageSettings)
