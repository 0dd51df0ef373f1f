"""Settings from the environment."""

import pytest

from perennial.reconcile.config import ConfigError, load_config

FULL = {
    "PERENNIAL_REGISTRY": "s3://perennial/registry/",
    "PERENNIAL_TRAINER_IMAGE": "t:1",
    "PERENNIAL_SERVER_IMAGE": "s:1",
    "PERENNIAL_NAMESPACE": "perennial-system",
    "PERENNIAL_POD_NAME": "operator-0",
}


def test_what_the_chart_always_sets_is_enough() -> None:
    config = load_config(FULL)
    assert config.registry == "s3://perennial/registry"
    assert config.watched == (None,)
    assert config.data_prefixes("team") == ("s3://perennial/datasets/team/",)


def test_lists_are_separated_by_commas() -> None:
    config = load_config(FULL | {"PERENNIAL_WATCH_NAMESPACES": "a, b,", "PERENNIAL_ALLOWED_DATA_PREFIXES": "s3://x/"})
    assert config.watched == ("a", "b")
    assert config.data_prefixes("team") == ("s3://x/",)


def test_a_registry_in_a_folder_has_its_data_beside_it() -> None:
    assert load_config(FULL | {"PERENNIAL_REGISTRY": "file:///srv/registry"}).data_prefixes("team") == (
        "file:///srv/datasets/team/",
    )


@pytest.mark.parametrize("name", sorted(FULL))
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        load_config({k: v for k, v in FULL.items() if k != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PERENNIAL_REGISTRY", "http://x"),
        ("PERENNIAL_IMAGE_PULL_POLICY", "Sometimes"),
        ("PERENNIAL_WORKERS", "many"),
        ("PERENNIAL_PORT", "0"),
    ],
)
def test_a_value_that_cannot_be_meant_is_shown_beside_what_can(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} is '{value}': expected"):
        load_config(FULL | {name: value})


@pytest.mark.parametrize(
    "address", ["prometheus:9090", "ftp://p", "http://", "http://scott:tiger@p/?x=1", "http://p#x"]
)
def test_a_prometheus_address_that_cannot_be_meant_is_refused_by_its_place_for_it_may_hold_a_password(
    address: str,
) -> None:
    with pytest.raises(ConfigError, match="PERENNIAL_PROMETHEUS_ADDRESSES: address 2 is not") as told:
        load_config(FULL | {"PERENNIAL_PROMETHEUS_ADDRESSES": f"http://p, {address}"})
    assert "tiger" not in str(told.value)


def test_the_settings_can_be_shown_without_showing_passwords() -> None:
    config = load_config(FULL | {"PERENNIAL_PROMETHEUS_ADDRESSES": "https://scott:tiger@p/prometheus"})
    assert config.prometheus_addresses == ("https://scott:tiger@p/prometheus",)
    assert "tiger" not in repr(config)
