"""Errors of identity: a refused sign-in, an issuer that cannot be reached, a key that cannot be used."""

from __future__ import annotations

from appliance.core.errors import IntramuralError, Refused, Unavailable


class SignInRefused(Refused):
    """The sign-in was not accepted: the answer did not fit the question, or a token failed a check.

    ``message`` is fit for the person's screen; ``cause`` names the failed check for the operator and holds no secret.
    """

    code = "sign_in_refused"


class ReturnUrlRefused(Refused):
    """The address to return to after the sign-in is not a plain path on this site."""

    code = "return_url_refused"


class IssuerUnavailable(Unavailable):
    """The identity provider cannot be reached or answers with something that is not OpenID Connect."""

    code = "issuer_unavailable"


class IdentityKeyError(IntramuralError):
    """A file with signing keys is damaged."""

    code = "identity_key"


class SessionStoreError(Unavailable):
    """The session store cannot be read or written."""

    code = "session_store"
