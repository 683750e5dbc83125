"""An identity provider as a council might run one: Django's, on loopback, in a process of its own.

``python tests/support/provider_server.py PORT FOLDER``. Whoever asks for ``/login/NAME`` is signed
in as that person. ``FOLDER/people.json`` says what it tells of whom, ``FOLDER/keys.json`` what it
signs with and which keys it still publishes; both are read for each request.
"""

import json
import sys
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import include, path

PORT, FOLDER = int(sys.argv[1]), Path(sys.argv[2])
ISSUER = f"http://127.0.0.1:{PORT}/o"


def keys():
    return json.loads((FOLDER / "keys.json").read_text())


class FreshKeys:
    """Signs with the keys of now."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        oauth2_settings.OIDC_RSA_PRIVATE_KEY, *others = keys()
        oauth2_settings.OIDC_RSA_PRIVATE_KEYS_INACTIVE = others
        return self.get_response(request)


settings.configure(
    SECRET_KEY="of the tests' provider",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "provider.db"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
    LOGIN_URL="/login/nobody",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "oauth2_provider",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        f"{__name__}.FreshKeys",
    ],
    OAUTH2_PROVIDER={
        "OIDC_ENABLED": True,
        "OIDC_ISS_ENDPOINT": ISSUER,
        "OIDC_RSA_PRIVATE_KEY": keys()[0],
        "PKCE_REQUIRED": True,
        "SCOPES": {"openid": "who you are", "email": "your address"},
        "ALLOWED_REDIRECT_URI_SCHEMES": ["http", "https"],
    },
)
django.setup()

from oauth2_provider.models import get_application_model  # noqa: E402 - Django must know its settings first
from oauth2_provider.oauth2_validators import OAuth2Validator  # noqa: E402
from oauth2_provider.settings import oauth2_settings  # noqa: E402


class Tells(OAuth2Validator):
    """Says what people.json says."""

    oidc_claim_scope = None

    def get_additional_claims(self, request):
        return json.loads((FOLDER / "people.json").read_text())[request.user.username]


oauth2_settings.OAUTH2_VALIDATOR_CLASS = Tells


def signs_in(request, name):
    login(request, get_user_model().objects.get_or_create(username=name)[0])
    return HttpResponse("signed in")


urlpatterns = [
    path("login/<str:name>", signs_in),
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
]


class Quiet(WSGIRequestHandler):
    """Writes no log."""

    def log_message(self, *args):
        pass


def main():
    call_command("migrate", verbosity=0)
    for client_id, kind, secret in (("kerbline", "public", ""), ("closed", "confidential", "s3")):
        get_application_model().objects.create(
            client_id=client_id,
            client_type=kind,
            client_secret=secret,
            authorization_grant_type="authorization-code",
            redirect_uris="http://testserver/oidc/callback",
            skip_authorization=True,
            algorithm="RS256",
        )
    server = make_server("127.0.0.1", PORT, get_wsgi_application(), handler_class=Quiet)
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
