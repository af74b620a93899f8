"""Addresses name protocol, server, model and version, or are refused."""

from __future__ import annotations

import pytest

from tfner.clients.addresses import SCHEMES, is_address, read_address
from tfner.clients.settings import ClientSettings
from tfner.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "server", "path", "version", "label"),
    [
        ("http://h:8501/v1/models/m", "h:8501", "/v1/models/m", None, None),
        ("http://h:8501/v1/models/m:predict", "h:8501", "/v1/models/m", None, None),
        ("http://h/v1/models/m/versions/3", "h:80", "/v1/models/m/versions/3", 3, None),
        ("https://h/a/b/v1/models/m", "h:443", "/a/b/v1/models/m", None, None),
        ("https://h/m/labels/new", "h:443", "/v1/models/m/labels/new", None, "new"),
        ("grpc://h/m", "h:8500", "/v1/models/m", None, None),
        (
            "grpcs://[::1]:9/m/versions/12",
            "[::1]:9",
            "/v1/models/m/versions/12",
            12,
            None,
        ),
        ("http://h:1/a%20b", "h:1", "/v1/models/a%20b", None, None),
    ],
)
def test_addresses_are_taken_apart(
    text: str, server: str, path: str, version: int | None, label: str | None
) -> None:
    address = read_address(text)
    assert (address.server, address.path("v1")) == (server, path)
    assert (address.version, address.label) == (version, label)


@pytest.mark.parametrize("text", ["v2+http://h:8080/m", "v2+http://h:8080/v2/models/m"])
def test_v2_takes_a_name_or_a_path(text: str) -> None:
    assert read_address(text).path("v2") == "/v2/models/m"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("gs://bucket/model", "no address of a model"),
        ("http://h:8501", "names no model"),
        ("http://h:8501/v1/models/", "names no model"),
        ("http:///v1/models/m", "names no server"),
        ("http://h:http/m", "no address: Port could not be cast"),
        ("http://h:99999/m", "no address: Port out of range"),
        ("http://h/m?x=1", "names no model"),
        ("http://me:secret@h/m", "holds a user's name"),
        ("grpc://h/m/versions/new", "more behind the model's name"),
        ("grpc://h/m/nonsense", "more behind the model's name"),
        ("v2+http://h/m/labels/new", "knows no labels"),
    ],
)
def test_other_addresses_are_refused(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint) as caught:
        read_address(text)
    assert "secret" not in str(caught.value)


def test_models_on_servers_are_told_from_others() -> None:
    assert all(is_address(f"{scheme}://h/m") for scheme in SCHEMES)
    assert not any(map(is_address, ["gs://b/m", "m", "owner/m", "http:", "C:\\m"]))


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"timeout": 0}, "`timeout` must be above 0"),
        ({"timeout": float("nan")}, "`timeout` must be above 0"),
        ({"max_rows": 0}, "`max_rows` must be at least 1"),
        ({"attempts": 0}, "`attempts` must be at least 1"),
        ({"format": "lines"}, "`format` is one of column, row"),
        ({"certificate": __file__}, "--certificate and --key together"),
        ({"ca": "nowhere.pem"}, r"no file nowhere\.pem"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        ClientSettings(**settings)


def test_certificates_need_an_address_with_tls() -> None:
    settings = ClientSettings(ca=__file__)
    settings.check(read_address("grpcs://h/m"))
    with pytest.raises(ConfigError, match=r"Write grpcs:// in place of grpc://"):
        settings.check(read_address("grpc://h/m"))
