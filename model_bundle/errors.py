"""Errors of the bundle format. Same shape as the appliance's root error, which this package must not import."""

from __future__ import annotations

from typing import ClassVar


class ModelBundleError(Exception):
    """Root of every error that this package raises on purpose.

    Args:
        message: one sentence that says what happened, for the person who asked.
        cause: the technical cause in one line, for the operator; may be empty.
        action: what to do next, as an instruction.

    ``code`` is stable and documented; a subclass sets its own.
    """

    code: ClassVar[str] = "model_bundle"

    def __init__(self, message: str, *, cause: str = "", action: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cause = cause
        self.action = action

    def __str__(self) -> str:
        parts = [self.message]
        if self.cause:
            parts.append(f"Cause: {self.cause}")
        if self.action:
            parts.append(f"What to do: {self.action}")
        return " ".join(parts)

    def as_dict(self) -> dict[str, str]:
        """A JSON-ready form for the API, the event stream and the audit log."""
        return {"code": self.code, "message": self.message, "cause": self.cause, "action": self.action}


class UntrustedBundle(ModelBundleError):  # noqa: N818 - a refusal is an outcome, not a fault
    """The directory is not exactly what a trusted key signed; nothing of it may be loaded."""

    code = "bundle_untrusted"


class InvalidManifest(ModelBundleError):  # noqa: N818
    """The manifest is not one that this version reads."""

    code = "bundle_manifest"


class TrustRootError(ModelBundleError):
    """The keys that this machine trusts cannot be read or written safely."""

    code = "bundle_trust_root"


class SourceModelError(ModelBundleError):
    """The model file to convert is corrupt, truncated, or of a kind that cannot be converted."""

    code = "bundle_source"


class ConversionError(ModelBundleError):
    """The conversion could not be finished; nothing of it is left behind."""

    code = "bundle_conversion"


class ModelUnobtainable(ModelBundleError):  # noqa: N818
    """The default model could not be fetched or is not the one that was asked for."""

    code = "bundle_obtain"


class NotEnoughDisk(ModelBundleError):  # noqa: N818
    """The file system does not have the room that the next steps need; nothing was started."""

    code = "bundle_disk"
