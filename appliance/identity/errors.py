"""Errors of identity: a refused sign-in, an issuer that cannot be reached, a key that cannot be used."""

from __future__ import annotations

from appliance.core.errors import IntramuralError, Refused, SettingsError, Unavailable


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


class ProvisioningFailed(Unavailable):
    """The realm at the identity provider could not be read or changed."""

    code = "provisioning_failed"


class WeakConfiguration(SettingsError):  # noqa: N818 - named like its siblings
    """Settings, or the provider, would let people in on weaker terms than this appliance accepts."""

    code = "weak_configuration"


class WeakProvider(IssuerUnavailable):
    """The provider's own configuration is weaker than this appliance accepts."""

    code = "weak_provider"


class StepUpRequired(Refused):
    """The act needs a stronger or fresher proof of who is at the keyboard; signing in again gives it."""

    code = "step_up_required"


class BearerRefused(Refused):
    """An access token was not accepted."""

    code = "bearer_refused"


class LogoutTokenRefused(Refused):
    """A logout token of the provider was not accepted (OpenID Connect Back-Channel Logout 1.0 §2.6)."""

    code = "logout_token_refused"


class SessionEnded(Refused):
    """The provider does not stand by this sign-in any more."""

    code = "session_ended"


class DirectoryUnavailable(Unavailable):
    """The directory of people cannot be read or written."""

    code = "directory"
