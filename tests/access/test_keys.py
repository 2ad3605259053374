"""The mask key comes from the credentials and is never shown. The dev environment generates its own key only once."""

import logging
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from kedro.config import OmegaConfigLoader

from podium.errors import PodiumError
from podium.lakehouse.access import load_policy
from podium.lakehouse.access.keys import VARIABLE, MaskKey, given_key
from podium.lakehouse.access.masks import hmac_key
from podium.lakehouse.credentials import read_credentials
from podium.settings import CONFIG_LOADER_ARGS
from tests.access.conftest import SECRET
from tests.conftest import PROJECT


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


def test_the_variable_overrides_the_credentials(monkeypatch):
    credentials = {"masking": {"key": SECRET}}
    assert MaskKey(given_key(credentials)).get() == hmac_key(SECRET)
    monkeypatch.setenv(VARIABLE, "v" * 32)
    assert MaskKey(given_key(credentials)).get() == hmac_key("v" * 32)
    assert MaskKey(given_key({})).get() == hmac_key("v" * 32)


@pytest.mark.parametrize("credentials", [{}, {"masking": None}, {"masking": {}}, {"masking": {"key": ""}}])
def test_the_key_is_optional(credentials):
    assert given_key(credentials) is None
    assert not MaskKey(None).found()


def test_a_short_key_is_refused_without_being_shown():
    with pytest.raises(PodiumError, match="shorter than 32 bytes") as refused:
        given_key({"masking": {"key": "tell-nobody"}})
    assert "tell-nobody" not in str(refused.value)


def test_a_key_is_never_shown(enter, caplog):
    policy = enter("auditor", "prod")
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("any").info("%s %r", policy, policy.key)
    for said in (repr(policy), str(policy), repr(policy.key), f"{policy.key.given}", caplog.text):
        assert SECRET not in said
        assert hmac_key(SECRET).decode() not in said


def test_a_generated_key_is_created_once_and_readable_by_its_owner_only(tmp_path):
    key = MaskKey(own=tmp_path / "dev" / "mask.key")
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: MaskKey(own=tmp_path / "dev" / "mask.key").get(), range(32)))
    assert found == {key.get()}
    assert stat.S_IMODE(key.own.stat().st_mode) == 0o600
    assert [path.name for path in key.own.parent.iterdir()] == ["mask.key"]
    assert key.found()
    assert not key.found(own=False)


def loader(conf, env) -> OmegaConfigLoader:
    return OmegaConfigLoader(conf_source=str(conf), env=env, **CONFIG_LOADER_ARGS)


def test_only_dev_generates_its_own_key(tmp_path, monkeypatch):
    monkeypatch.setenv("PODIUM_DATA", str(tmp_path))
    own = {env: load_policy(loader(PROJECT / "conf", env), env, PROJECT).key.own for env in ("dev", "staging", "prod")}
    assert own == {"dev": tmp_path / "dev" / "mask.key", "staging": None, "prod": None}


def test_conf_local_is_read_too(tmp_path):
    for folder, text in {
        "base": "",
        "prod": "masking: {key: of-the-environment}\nstorage: {A: 1}\n",
        "local": f"masking: {{key: {SECRET!r}}}\n",
    }.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "credentials.yml").write_text(text)
    assert read_credentials(loader(tmp_path, "prod")) == {"masking": {"key": SECRET}, "storage": {"A": 1}}
