"""Signing in at the council's own identity provider: OpenID Connect, code flow with PKCE.

``provider`` talks to it and knows no database; ``signing_in`` are the verbs. Passwords work beside
it, and go on working when it is away. A second factor is the provider's matter.
"""
