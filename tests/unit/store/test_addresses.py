"""Which URIs name a run, and that no spelling of one leads out of the namespace."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.store.addresses import NotARun, NotOfThisNamespace, run_at
from perennial.store.errors import InvalidLocation

REGISTRY = "s3://perennial/registry"
HEX = "ab" * 32
RUN = f"{REGISTRY}/demo/flights/runs/{HEX}"


@pytest.mark.parametrize(
    ("end", "attempt", "file"),
    [
        ("", "", ""),
        ("/", "", ""),
        ("/run.json", "", ""),
        ("/attempts/pod-1", "pod-1", ""),
        ("/attempts/pod-1/", "pod-1", ""),
        ("/attempts/pod-1/model.skops", "pod-1", "model.skops"),
    ],
)
def test_a_run_is_named_by_its_folder_its_record_its_attempt_or_its_artifact(end: str, attempt: str, file: str) -> None:
    address = run_at(RUN + end, REGISTRY + "/", "demo")
    assert (address.model, address.run_digest) == ("flights", f"sha256:{HEX}")
    assert (address.attempt, address.file) == (attempt, file)


@pytest.mark.parametrize(
    "uri",
    [
        RUN.replace("/demo/", "/other/"),
        RUN.replace("/demo/", "/demo2/"),
        RUN.replace("s3://perennial/", "s3://elsewhere/"),
        RUN.replace("s3://perennial", "file:///perennial"),
        RUN.replace("s3:", "S3:"),
        RUN.replace("/registry/", "/datasets/"),
        f"s3://perennial/datasets/demo/../../registry/demo/flights/runs/{HEX}/",
    ],
)
def test_what_is_not_of_the_namespace_is_refused_with_what_it_may_serve(uri: str) -> None:
    with pytest.raises(NotOfThisNamespace, match=f"not below {REGISTRY}/demo/") as told:
        run_at(uri, REGISTRY, "demo")
    assert told.value.reason == "URINotAllowed"


@pytest.mark.parametrize(
    "end",
    [
        "",
        "flights/",
        "flights/versions/00000001.json",
        f"flights/runs/{HEX[:-1]}/",
        f"flights/runs/{HEX.upper()}/",
        f"../other/flights/runs/{HEX}/",
        f"flights/../../other/flights/runs/{HEX}/",
        f"flights//runs/{HEX}/",
        f"./flights/runs/{HEX}/",
        f"_windows/runs/{HEX}/",
        f"flights/runs/{HEX}/attempts/../../x",
        f"flights/runs/{HEX}/attempts/a/../b",
        f"flights/runs/{HEX}/checkpoint/a",
        f"flights/runs/{HEX}/\n",
        f"fl%2e/runs/{HEX}/",
    ],
)
def test_what_is_no_run_is_refused_with_the_form_of_one(end: str) -> None:
    with pytest.raises(NotARun, match="give s3://perennial/registry/demo/<model>/runs/<run digest>/") as told:
        run_at(f"{REGISTRY}/demo/{end}", REGISTRY, "demo")
    assert told.value.reason == "ModelNotFound"


@given(
    st.text(alphabet="./%abrunsdemo_-~\n0", max_size=40),
    st.sampled_from(["", f"/runs/{HEX}/", f"/runs/{HEX}/attempts/"]),
)
def test_no_text_leads_out_of_the_namespace(middle: str, end: str) -> None:
    try:
        address = run_at(f"{REGISTRY}/demo/{middle}{end}", REGISTRY, "demo")
    except InvalidLocation:
        return
    assert set(address.model) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert "." not in address.attempt
    assert "/" not in address.attempt + address.file
