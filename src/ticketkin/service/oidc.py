"""Sign-in by the company's own accounts: OpenID Connect Core 1.0, the authorization code flow with PKCE.

Who somebody is, and in which groups, comes from the ID token, whose signature, issuer, audience, time and
nonce are checked. Settings come from the environment alone, as a secret is among them.
"""

import base64
import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

import httpx2
import jwt
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from ticketkin.core.errors import ConfigurationError
from ticketkin.service.refusals import NotSignedInError, RefusedError
from ticketkin.store.keys import Identity, Role

CALLBACK = "/sign-in/oidc/callback"
_PREFIX = "TICKETKIN_OIDC_"
# Asymmetric ones alone: with a shared secret whoever has it could sign in as anybody.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_LEEWAY_SECONDS = 30
_SECONDS = 10.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
Url = Annotated[str, Field(pattern=r"^https?://\S+$")]


class OidcSettings(BaseModel):
    """Which provider knows the people, and who of them may do what; each is TICKETKIN_OIDC_<NAME>."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    issuer: Url
    """Address of the provider, as its tokens name it."""
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: SecretStr
    redirect_url: Annotated[str, Field(pattern=rf"^https?://\S+{CALLBACK}$")]
    """Where the provider sends people back to: the service's address and /sign-in/oidc/callback."""
    claim: str = "groups"
    """Claim of the ID token that lists a person's groups."""
    agents: str = ""
    """Group whose members may ask; without one, nobody may by this alone."""
    reviewers: str = ""
    administrators: str = ""

    @classmethod
    def from_environment(cls) -> "OidcSettings | None":
        """Return the settings, None where none is set. Raises ConfigurationError naming what is wrong."""
        given = {
            name: value for name in cls.model_fields if (value := os.environ.get(f"{_PREFIX}{name.upper()}"))
        }
        if not given:
            return None
        try:
            settings = cls.model_validate(given)
        except ValidationError as error:
            faults = "; ".join(
                f"{_PREFIX}{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in error.errors()
            )
            raise ConfigurationError(f"Sign-in by OpenID Connect is not configured whole: {faults}") from None
        for name, url in (("ISSUER", settings.issuer), ("REDIRECT_URL", settings.redirect_url)):
            parts = urlsplit(url)
            if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
                raise ConfigurationError(f"{_PREFIX}{name} {url!r} must begin with https://")
        if not (settings.agents or settings.reviewers or settings.administrators):
            raise ConfigurationError(
                f"Nobody may sign in by OpenID Connect; name a group: {_PREFIX}AGENTS, {_PREFIX}REVIEWERS or "
                f"{_PREFIX}ADMINISTRATORS"
            )
        return settings

    @property
    def host(self) -> str:
        """The name under which browsers reach the service."""
        return urlsplit(self.redirect_url).hostname or ""

    def role_of(self, groups: object) -> Role | None:
        """Return the highest role of a person in these groups, None where none is theirs."""
        listed = {groups} if isinstance(groups, str) else set(groups) if isinstance(groups, list) else set()
        by_role = {
            Role.ADMINISTRATOR: self.administrators,
            Role.REVIEWER: self.reviewers,
            Role.AGENT: self.agents,
        }
        return next((role for role, group in by_role.items() if group and group in listed), None)


class _Discovery(BaseModel):
    """What a provider says of itself (OpenID Connect Discovery 1.0)."""

    issuer: str
    authorization_endpoint: Url
    token_endpoint: Url
    jwks_uri: Url


@dataclass(frozen=True)
class Attempt:
    """What a browser keeps while its person is at the provider."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> "Attempt":
        """Return a fresh one."""
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))

    def __str__(self) -> str:
        """Return what is written into the cookie."""
        return f"{self.state}.{self.nonce}.{self.verifier}"

    @classmethod
    def of(cls, cookie: str | None) -> "Attempt | None":
        """Return what a cookie holds, None where it holds something else."""
        parts = (cookie or "").split(".")
        return cls(*parts) if len(parts) == 3 and all(parts) else None


class Provider:
    """The provider, asked when somebody signs in."""

    def __init__(self, settings: OidcSettings, client: httpx2.Client | None = None) -> None:
        self.settings = settings
        self._client = client or httpx2.Client(timeout=_SECONDS)
        self._lock = Lock()
        self._discovered: _Discovery | None = None
        self._keys: Mapping[str, jwt.PyJWK] = {}

    def address(self, attempt: Attempt) -> str:
        """Return where a browser is sent to sign in. Raises RefusedError where the provider is away."""
        challenge = hashlib.sha256(attempt.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.settings.redirect_url,
            "scope": "openid profile email",
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{self._discovery().authorization_endpoint}?{urlencode(query)}"

    def identity(self, code: str, attempt: Attempt) -> Identity:
        """Return who came back with a code.

        Raises NotSignedInError where that can't be told for sure, RefusedError for somebody in no group.
        """
        token = self._token(code, attempt)
        claims = self._claims(token)
        if not secrets.compare_digest(str(claims.get("nonce", "")), attempt.nonce):
            raise NotSignedInError("The answer of the provider belongs to another sign-in; sign in again")
        name = next(
            (str(claims[key]) for key in ("preferred_username", "email", "sub") if claims.get(key)), ""
        )[:200]
        role = self.settings.role_of(claims.get(self.settings.claim))
        if role is None:
            raise RefusedError(f"{name} is in no group that may use this service; ask its administrator")
        return Identity(name, role)

    def _discovery(self) -> _Discovery:
        with self._lock:
            if self._discovered is None:
                where = f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"
                discovery = _Discovery.model_validate(self._read("GET", where))
                if discovery.issuer.rstrip("/") != self.settings.issuer.rstrip("/"):
                    raise RefusedError("The provider calls itself otherwise than TICKETKIN_OIDC_ISSUER does")
                self._discovered = discovery
            return self._discovered

    def _token(self, code: str, attempt: Attempt) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.settings.redirect_url,
            "client_id": self.settings.client_id,
            "client_secret": self.settings.client_secret.get_secret_value(),
            "code_verifier": attempt.verifier,
        }
        answer = self._read("POST", self._discovery().token_endpoint, form)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise NotSignedInError("The provider gave no ID token; sign in again")
        return token

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            key = self._key(str(jwt.get_unverified_header(token).get("kid", "")))
            return jwt.decode(
                token,
                key,
                algorithms=[name for name in _ALGORITHMS if name == key.algorithm_name],
                audience=self.settings.client_id,
                issuer=self._discovery().issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "aud", "iss", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise NotSignedInError(
                f"The provider's answer can't be trusted ({type(error).__name__}); sign in again"
            ) from error

    def _key(self, name: str) -> jwt.PyJWK:
        """Return the provider's key of a name; a new one is fetched."""
        if name not in self._keys:
            listed = jwt.PyJWKSet.from_dict(self._read("GET", self._discovery().jwks_uri))
            self._keys = {key.key_id or "": key for key in listed.keys}
        if name not in self._keys:
            raise jwt.InvalidKeyError("unknown key")
        return self._keys[name]

    def _read(self, method: str, url: str, form: Mapping[str, str] | None = None) -> dict[str, Any]:
        try:
            answer = self._client.request(method, url, data=form)
            answer.raise_for_status()
            content = answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise RefusedError(
                f"The provider of sign-in does not answer as it should ({type(error).__name__}); try again "
                "later, or use a key"
            ) from error
        if not isinstance(content, dict):
            raise RefusedError("The provider of sign-in does not answer as it should; try again later")
        return content
