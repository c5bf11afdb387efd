"""Did Microsoft send it? The verdicts, and that nothing but VerificationError comes out."""

from __future__ import annotations

import copy
import json
import os
import pickle
import time
from pathlib import Path
from typing import Any

import pytest

import callredirect as cr

APP = "24701998-1a73-4d42-8085-bf46ed0ae039"
# From RFC 7520, section 3.3: a published key, for tests that need one but nobody's signature.
JWK = {
    "kty": "RSA", "kid": "bilbo.baggins@hobbiton.example", "use": "sig", "e": "AQAB",
    "n": "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqV"
         "wGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde"
         "3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5g"
         "HdrNP5zw",
}  # fmt: skip


def corpus() -> Path:
    root = Path(__file__).resolve().parents[2]
    folder = (
        Path(os.environ.get("CALLREDIRECT_CORPORA", root / ".." / "shared" / "corpora")) / "jwt_attacks_open"
    )
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}; set CALLREDIRECT_CORPORA")
    return folder


def test_the_corpus_of_attacks() -> None:
    folder = corpus()
    policy = json.loads((folder / "policy.json").read_text())
    verifier = cr.Verifier(
        policy["audience"],
        tenants=policy["tenants"],
        issuers=policy["issuers"],
        jwks=(folder / "jwks.json").read_text(),
    )
    wrong, refreshed = [], []
    for row in json.loads((folder / "vectors.json").read_text()):
        header = f"Bearer {row['token']}"
        try:
            verdict, reason = isinstance(verifier.verify(header, policy["now"]), cr.Claims), None
        except cr.VerificationError as error:
            verdict, reason = False, error.reason
        if row.get("needs_refresh"):
            refreshed.append((header, row["expect"]))
            right = reason == "unknown_key"
        else:
            right = row["expect"] in ("either", "accept" if verdict else "reject")
        if not right:
            wrong.append(row["id"])
    assert wrong == []
    verifier.set_jwks(json.loads((folder / "jwks_after_rotation.json").read_text()))
    assert refreshed
    for header, expect in refreshed:
        assert expect == "accept"
        assert verifier.verify(header, now=policy["now"]).audience == policy["audience"]


@pytest.mark.parametrize(
    "header",
    [
        None, 7, 1.5, b"Bearer x.y.z", b"\xff", "", "Bearer", "Bearer ", "Bearer x", "Bearer ...", "Basic eDp5",
        "\ud800", "Bearer \ud800.x.y", "Bearer \u00e9.x.y", "Bearer " + "A" * 10_000_000, ["Bearer x.y.z"],
        {"Authorization": "Bearer x.y.z"}, object(), type, True,
    ],
    ids=lambda header: type(header).__name__,
)  # fmt: skip
def test_whatever_comes_the_error_is_one(header: object) -> None:
    for verifier in (cr.Verifier(APP), cr.Verifier(APP, jwks={"keys": [JWK]})):
        started = time.perf_counter()
        with pytest.raises(cr.VerificationError) as caught:
            verifier.verify(header)
        assert time.perf_counter() - started < 0.05
        assert isinstance(caught.value, cr.CallRedirectError)
        assert caught.value.reason in {"missing", "malformed"}
        assert pickle.loads(pickle.dumps(caught.value)).reason == caught.value.reason


def test_keys() -> None:
    verifier = cr.Verifier(APP, ["t"], ["https://issuer.example"], "https://keys.example")
    assert (verifier.app_id, verifier.tenants, verifier.issuers) == (APP, ["t"], ["https://issuer.example"])
    assert (verifier.metadata_url, verifier.key_ids) == ("https://keys.example", [])
    for jwks in ({"keys": [JWK]}, json.dumps({"keys": [JWK]}), json.dumps({"keys": [JWK]}).encode()):
        verifier.set_jwks(jwks)
        assert verifier.key_ids == [JWK["kid"]]
    no_key_sets: list[Any] = ["", "{}", "[]", '{"keys": 1}', b"\xff", {"keys": {}}]
    for jwks in no_key_sets:
        with pytest.raises(cr.ParseError):
            verifier.set_jwks(jwks)
    assert verifier.key_ids == [JWK["kid"]]
    verifier.set_jwks({"keys": [{**JWK, "use": "enc"}, {"kty": "FUTURE"}, None]})
    assert verifier.key_ids == []
    with pytest.raises(cr.ParseError):
        cr.Verifier(APP, jwks="no key set")
    with pytest.raises(TypeError):
        cr.Verifier(APP, tenants="a string, not a list of them")
    defaults = cr.Verifier(APP)
    assert defaults.issuers == ["https://api.botframework.com", "https://graph.microsoft.com"]
    assert defaults.tenants is None
    assert defaults.metadata_url == "https://api.aps.skype.com/v1/.well-known/OpenIdConfiguration"
    assert cr.Verifier(APP, jwks={"keys": []}).metadata_url is None


def test_claims_are_a_value() -> None:
    claims = cr.Claims("t", "i", "a", expires_at=1.0, app_id="x")
    assert pickle.loads(pickle.dumps(claims)) == copy.deepcopy(claims) == claims.__replace__() == claims
    assert hash(copy.copy(claims)) == hash(claims)
    assert claims != claims.__replace__(expires_at=2.0)
    assert repr(claims) == "Claims(tenant_id='t', issuer='i', audience='a', expires_at=1.0, app_id='x')"
    match claims:
        case cr.Claims(tenant_id, issuer=issuer):
            assert (tenant_id, issuer) == ("t", "i")
