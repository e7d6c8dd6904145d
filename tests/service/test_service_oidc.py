"""Sign-in at a provider of OpenID Connect, which is a small real one here: codes, keys and signed tokens."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from service_desk import Desk, running
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from ticketkin.core.errors import ConfigurationError
from ticketkin.service.corpus import Corpus
from ticketkin.service.oidc import OidcSettings, Provider

ISSUER = "https://accounts.example"
SETTINGS = OidcSettings(
    issuer=ISSUER,
    client_id="ticketkin",
    client_secret="of the client",
    redirect_url="https://kin.example/sign-in/oidc/callback",
    reviewers="desk-leads",
    administrators="desk-platform",
)


@dataclass
class Accounts:
    """The provider: it knows one person, and can be made to answer wrongly."""

    claims: dict[str, Any] = field(
        default_factory=lambda: {"preferred_username": "ida", "groups": ["desk-leads"]}
    )
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    signs_with: ec.EllipticCurvePrivateKey | None = None
    asked: dict[str, str] = field(default_factory=dict)
    is_away: bool = False

    def app(self) -> Starlette:
        def discovery(_: Request) -> JSONResponse:
            if self.is_away:
                return JSONResponse({}, 503)
            return JSONResponse({
                "issuer": ISSUER, "authorization_endpoint": f"{ISSUER}/authorize",
                "token_endpoint": f"{ISSUER}/token", "jwks_uri": f"{ISSUER}/keys",
            })  # fmt: skip

        def keys(_: Request) -> JSONResponse:
            public = jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
            return JSONResponse({"keys": [{**public, "kid": "one", "alg": "ES256", "use": "sig"}]})

        async def token(request: Request) -> JSONResponse:
            self.asked = dict(await request.form())
            now = int(time.time())
            claims = {
                "iss": ISSUER,
                "aud": "ticketkin",
                "sub": "17",
                "iat": now,
                "exp": now + 60,
                **self.claims,
            }
            signed = jwt.encode(
                claims, self.signs_with or self.key, algorithm="ES256", headers={"kid": "one"}
            )
            return JSONResponse({"id_token": signed, "access_token": "x", "token_type": "Bearer"})

        return Starlette(routes=[
            Route("/.well-known/openid-configuration", discovery),
            Route("/keys", keys), Route("/token", token, methods=["POST"]),
        ])  # fmt: skip


@pytest.fixture
def accounts() -> Accounts:
    return Accounts()


@pytest.fixture
def guarded(corpus: Corpus, accounts: Accounts) -> Iterator[Desk]:
    provider = Provider(SETTINGS, TestClient(accounts.app(), base_url=ISSUER))
    with running(corpus, provider, signs_in=True) as desk:
        yield desk


def begun(desk: Desk) -> dict[str, str]:
    """Begin to sign in; return what the provider is asked."""
    sent = desk.client.get("/sign-in/oidc", follow_redirects=False)
    assert sent.status_code == 303 and sent.headers["location"].startswith(f"{ISSUER}/authorize?")
    return {name: values[0] for name, values in parse_qs(urlsplit(sent.headers["location"]).query).items()}


def ended(desk: Desk, state: str, code: str = "of the provider") -> Any:
    return desk.client.get("/sign-in/oidc/callback", params={"state": state, "code": code})


def test_a_person_signs_in_with_the_role_of_their_group(guarded: Desk, accounts: Accounts) -> None:
    assert 'href="/sign-in/oidc"' in guarded.client.get("/sign-in").text
    asked = begun(guarded)
    accounts.claims |= {"nonce": asked["nonce"]}
    back = ended(guarded, asked["state"])
    assert back.status_code == 200 and "samesite=strict" in back.headers["set-cookie"].lower()
    assert guarded.client.get("/v1/session").json() == {"name": "ida", "role": "reviewer"}
    assert accounts.asked["client_secret"] == "of the client" and len(accounts.asked["code_verifier"]) >= 43
    assert (
        asked["code_challenge_method"] == "S256"
        and asked["code_challenge"] != accounts.asked["code_verifier"]
    )
    assert guarded.client.delete("/v1/session").status_code == 200
    assert guarded.client.get("/v1/session").status_code == 401


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "of another sign-in"},
        {},
        {"nonce": None, "aud": "another"},
        {"nonce": None, "iss": "https://elsewhere.example"},
        {"nonce": None, "exp": 1},
    ],
)
def test_a_token_that_is_not_for_this_sign_in_is_refused(
    guarded: Desk, accounts: Accounts, claims: dict[str, Any]
) -> None:
    asked = begun(guarded)
    accounts.claims |= {name: asked["nonce"] if value is None else value for name, value in claims.items()}
    assert ended(guarded, asked["state"]).status_code == 401
    assert guarded.client.get("/v1/session").status_code == 401


def test_a_token_that_somebody_else_signed_is_refused(guarded: Desk, accounts: Accounts) -> None:
    asked = begun(guarded)
    accounts.claims |= {"nonce": asked["nonce"]}
    accounts.signs_with = ec.generate_private_key(ec.SECP256R1())
    assert ended(guarded, asked["state"]).status_code == 401


def test_another_browsers_sign_in_is_refused(guarded: Desk) -> None:
    asked = begun(guarded)
    assert ended(guarded, "of another").status_code == 401
    assert ended(guarded, asked["state"], code="").status_code == 401
    guarded.client.cookies.clear()
    assert ended(guarded, asked["state"]).status_code == 401


def test_somebody_in_no_group_is_told(guarded: Desk, accounts: Accounts) -> None:
    asked = begun(guarded)
    accounts.claims |= {"nonce": asked["nonce"], "groups": ["guests"]}
    refused = ended(guarded, asked["state"])
    assert refused.status_code == 403 and "ida is in no group" in refused.text


def test_a_provider_that_is_away_is_told(guarded: Desk, accounts: Accounts) -> None:
    accounts.is_away = True
    answer = guarded.client.get("/sign-in/oidc", follow_redirects=False)
    assert answer.status_code == 403 and "does not answer as it should" in answer.text


def test_without_a_provider_keys_alone_sign_in(desk: Desk) -> None:
    assert desk.client.get("/sign-in/oidc").status_code == 404
    assert "/sign-in/oidc" not in desk.client.get("/sign-in").text


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"ISSUER": ""}, "TICKETKIN_OIDC_ISSUER"),
        ({"ISSUER": "http://accounts.example"}, "must begin with https"),
        ({"REDIRECT_URL": "https://kin.example/elsewhere"}, "TICKETKIN_OIDC_REDIRECT_URL"),
        ({"REVIEWERS": ""}, "name a group"),
    ],
)
def test_a_configuration_that_is_not_whole_is_told(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], told: str
) -> None:
    whole = {
        "ISSUER": ISSUER, "CLIENT_ID": "ticketkin", "CLIENT_SECRET": "opensesame",
        "REDIRECT_URL": SETTINGS.redirect_url, "REVIEWERS": "desk-leads",
    }  # fmt: skip
    for name, value in {**whole, **changed}.items():
        monkeypatch.setenv(f"TICKETKIN_OIDC_{name}", value)
    with pytest.raises(ConfigurationError, match=told) as error:
        OidcSettings.from_environment()
    assert "opensesame" not in str(error.value)


def test_the_secret_is_not_shown() -> None:
    assert "of the client" not in repr(SETTINGS) and SETTINGS.host == "kin.example"
