"""All settings, in one class, read from ``KERBLINE_…`` where a process starts and passed on."""

import re
from email.errors import HeaderParseError
from email.headerregistry import Address
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from reporting import mail_server
from reporting.mail_server import MailServer

#: Shorter keys can be guessed.
SECRET_BYTES = 32


class Settings(BaseSettings):
    """What an operator may set."""

    # What is refused is named and not shown: half of these hold a password.
    model_config = SettingsConfigDict(
        env_prefix="KERBLINE_", extra="ignore", hide_input_in_errors=True
    )

    database_url: str = Field(repr=False, title="PostgreSQL, as the role the processes run as")
    owner_database_url: str | None = Field(
        None,
        repr=False,
        title="PostgreSQL, as the role that owns the schema (only `migrate` uses it)",
    )
    redis_url: str = Field(repr=False, title="Redis, a wake-up and never the record")
    photo_store: str = Field("photos", title="A folder, or s3://bucket/prefix")
    originals_days: int = Field(
        90, ge=1, le=3650, title="Days after closing a job until its original photos are deleted"
    )
    secret_key: SecretStr = Field(title="At least 32 random bytes; every other key is derived")
    public_url: str = Field("http://127.0.0.1:8000", title="Where residents reach us")
    environment: Literal["development", "production"] = Field(
        "production", title="production refuses unsafe settings"
    )
    firebase_credentials: str | None = Field(None, title="A service-account file")
    fcm_endpoint: str = Field(
        "", title="Base URL in place of https://fcm.googleapis.com (empty = Google)"
    )
    smtp_url: str | None = Field(None, repr=False, title="A mail server: smtp://… or smtps://…")
    mail_from: str | None = Field(None, title="The address that mail comes from, with smtp_url")
    trusted_proxies: Annotated[list[str], NoDecode] = Field(
        default_factory=list, title="Addresses whose X-Forwarded-For we believe, with commas"
    )
    oidc_issuer: str | None = Field(
        None, title="The council's identity provider (OpenID Connect): its issuer, as it says it"
    )
    oidc_client_id: str | None = Field(None, title="What it knows us by, with oidc_issuer")
    oidc_client_secret: SecretStr | None = Field(
        None, title="The secret it gave us (none = a public client; PKCE is used either way)"
    )
    oidc_name: str = Field(
        "your council account", max_length=60, title="What the button says after Sign in with"
    )
    map_style_url: str = Field(
        "", title="A MapLibre style with streets to draw under the wards (empty = wards alone)"
    )
    map_hosts: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        title="Origins (https://…) of that style, its tiles, sprites and glyphs, with commas",
    )
    crew_map: str = Field(
        "",
        title="A .pmtiles file of the area, 300 MB at most, that tablets keep (empty = ward lines)",
    )
    limits: Literal["on", "off"] = Field("on", title="Rate limits; off only for load tests")
    firebase_auth_emulator_host: str | None = Field(
        None,
        validation_alias="FIREBASE_AUTH_EMULATOR_HOST",
        title="Firebase's own variable: it switches the check of ID tokens off",
    )
    pool_size: int = Field(8, ge=1, le=100, title="Database connections of one process")

    @field_validator("trusted_proxies", "map_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            [part.strip() for part in value.split(",") if part.strip()]
            if isinstance(value, str)
            else value
        )

    @field_validator("map_hosts")
    @classmethod
    def _are_origins(cls, hosts: list[str]) -> list[str]:
        """They go into the pages' policy, where a stray space or semicolon would change it."""
        if not all(re.fullmatch(r"https?://[a-z0-9.*-]+(:\d{1,5})?", host) for host in hosts):
            message = "KERBLINE_MAP_HOSTS takes origins such as https://tiles.example.org."
            raise ValueError(message)
        return hosts

    @property
    def mail_configured(self) -> bool:
        """Whether anybody can be told anything by e-mail."""
        return bool(self.smtp_url)

    @property
    def mail_server(self) -> MailServer | None:
        """The server that takes our mail."""
        return mail_server.parse(self.smtp_url) if self.smtp_url else None

    @field_validator("mail_from")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        try:
            return value and Address(addr_spec=value).addr_spec
        except (HeaderParseError, ValueError, IndexError) as error:
            message = "KERBLINE_MAIL_FROM is one e-mail address, without a name."
            raise ValueError(message) from error

    @model_validator(mode="after")
    def _refuse_mail_in_the_clear(self) -> Self:
        server = self.mail_server
        if server is None:
            return self
        if not self.mail_from:
            message = "KERBLINE_SMTP_URL needs KERBLINE_MAIL_FROM beside it."
            raise ValueError(message)
        in_the_clear = not server.tls and server.starttls == "never" and not server.is_here
        if self.environment == "production" and server.username and in_the_clear:
            message = "KERBLINE_SMTP_URL would send its password unencrypted."
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _refuse_half_a_provider(self) -> Self:
        if self.oidc_issuer is None:
            return self
        if not self.oidc_client_id:
            message = "KERBLINE_OIDC_ISSUER needs KERBLINE_OIDC_CLIENT_ID beside it."
            raise ValueError(message)
        secure = self.oidc_issuer.startswith("https://")
        if not secure and (
            self.environment == "production" or not self.oidc_issuer.startswith("http://")
        ):
            message = "KERBLINE_OIDC_ISSUER must begin with https://."
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _refuse_the_unsafe(self) -> Self:
        if len(self.secret_key.get_secret_value().encode()) < SECRET_BYTES:
            message = f"KERBLINE_SECRET_KEY needs at least {SECRET_BYTES} bytes."
            raise ValueError(message)
        if self.environment == "production":
            if self.limits == "off":
                message = "KERBLINE_LIMITS=off is for load tests, not for production."
                raise ValueError(message)
            if not self.public_url.startswith("https://"):
                message = "KERBLINE_PUBLIC_URL must begin with https:// in production."
                raise ValueError(message)
            if self.firebase_auth_emulator_host:
                message = "FIREBASE_AUTH_EMULATOR_HOST switches sign-in checks off; unset it."
                raise ValueError(message)
            if self.fcm_endpoint:
                message = "KERBLINE_FCM_ENDPOINT must be empty in production."
                raise ValueError(message)
        return self
