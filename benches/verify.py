"""Verify the token of a notification (RS256, 2048 bit), against the libraries that Python bots use."""

from __future__ import annotations

import base64
import json
import logging
import time

import jwt
from authlib.jose import JsonWebKey, JsonWebToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt

import callredirect as cr
from _rounds import in_turn, table
from callredirect.testing import Simulator

ISSUERS = ["https://api.botframework.com", "https://graph.microsoft.com"]
GOALS = {"cryptography, the signature alone": 1.3, "PyJWT": 0.35}


def main() -> None:
    logging.disable()
    with Simulator() as graph:
        token, jwks, app_id = graph.notification_token(), json.loads(graph.jwks), graph.app_id
    header = f"Bearer {token}"
    (jwk,) = jwks["keys"]

    number = lambda name: int.from_bytes(base64.urlsafe_b64decode(jwk[name] + "=="), "big")  # noqa: E731
    public = rsa.RSAPublicNumbers(number("e"), number("n")).public_key()
    signed, _, signature = token.rpartition(".")
    message, raw = signed.encode(), base64.urlsafe_b64decode(signature + "==")
    pkcs1, sha256 = padding.PKCS1v15(), hashes.SHA256()

    pyjwt_key = jwt.PyJWK(jwk).key
    authlib_key, authlib_jwt = JsonWebKey.import_key(jwk), JsonWebToken(["RS256"])
    authlib_claims = {
        "iss": {"values": ISSUERS, "essential": True},
        "aud": {"value": app_id, "essential": True},
    }
    joserfc_key = joserfc_jwk.RSAKey.import_key(jwk)
    joserfc_claims = joserfc_jwt.JWTClaimsRegistry(
        iss={"essential": True, "values": ISSUERS},
        aud={"essential": True, "value": app_id},
        exp={"essential": True},
    )

    def by_authlib() -> None:
        authlib_jwt.decode(token, authlib_key, claims_options=authlib_claims).validate(leeway=300)

    def by_joserfc() -> None:
        joserfc_claims.validate(joserfc_jwt.decode(token, joserfc_key, algorithms=["RS256"]).claims)

    verifier = cr.Verifier(app_id, issuers=ISSUERS, jwks=jwks)
    now = time.time()
    timings = in_turn(
        {
            "cryptography, the signature alone": lambda: public.verify(raw, message, pkcs1, sha256),
            "callredirect": lambda: verifier.verify(header, now),
            "PyJWT": lambda: jwt.decode(
                header[7:], pyjwt_key, algorithms=["RS256"], audience=app_id, issuer=ISSUERS, leeway=300
            ),
            "Authlib": by_authlib,
            "joserfc": by_joserfc,
        },
        rounds=15,
        number=400,
    )
    table("verify one token, us", timings, unit="", against="callredirect", scale=1000)
    ours = min(timings["callredirect"])
    for name, goal in GOALS.items():
        ratio = ours / min(timings[name])
        print(f"  {ratio:.2f} x {name}, the goal is {goal}: {'met' if ratio <= goal else 'MISSED'}")
    print()


if __name__ == "__main__":
    main()
