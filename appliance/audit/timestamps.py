"""Time stamps of an authority inside the walls (RFC 3161): that a checkpoint existed at a certain time.

A stamp is made over the bytes of the signed checkpoint. Both are kept: ``stamps/<size>.note`` and ``stamps/<size>.tsr``
(the DER response), so that any RFC 3161 tool can check them, for example ``openssl ts -verify``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from appliance.audit.exchange import ExchangeFailed, exchange
from appliance.core.errors import IntramuralError

if TYPE_CHECKING:
    import httpx

STAMPS: Final = "stamps"
MAX_ROOTS: Final = 32


class StampError(IntramuralError):
    """A time stamp could not be had, or does not hold."""

    code = "audit_stamp"


def load_roots(roots: Sequence[bytes]) -> list[x509.Certificate]:
    """The certificates in PEM texts.

    Raises:
        StampError: one is no certificate, or there are too many.
    """
    try:
        found = [one for pem in roots for one in x509.load_pem_x509_certificates(pem)]
    except ValueError as error:
        raise _refused(f"a root certificate cannot be read: {error}") from error
    if len(found) > MAX_ROOTS:
        raise _refused(f"{len(found)} root certificates; at most {MAX_ROOTS} are possible")
    return found


def request_stamp(url: str, note: bytes, roots: Sequence[x509.Certificate], client: httpx.Client) -> bytes:
    """Ask the authority at ``url`` for a stamp over ``note``; returns the response (DER) once it is verified.

    Raises:
        StampError: the authority cannot be reached, refuses, or its answer does not hold for this very request.
    """
    request = TimestampRequestBuilder().data(note).hash_algorithm(HashAlgorithm.SHA256).nonce().build()
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    try:
        status, content = exchange(client, "POST", url, content=request.as_bytes(), headers=headers)
    except ExchangeFailed as error:
        raise _refused(f"{url}: {error}") from error
    if status != 200:
        raise _refused(f"{url} answers with status {status}")
    _verify(_decode(content), note, roots, nonce=request.nonce)
    return content


def check_stamp(path: Path, note: bytes, roots: Sequence[x509.Certificate]) -> datetime:
    """The time (UTC) that the stamp in the file ``path`` states for ``note``.

    Raises:
        StampError: it is missing, damaged, for other bytes, or no root vouches for its authority.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _refused(f"{path.name}: {error.strerror}") from error
    return _verify(_decode(content), note, roots, nonce=None)


def _decode(content: bytes) -> TimeStampResponse:
    try:
        return decode_timestamp_response(content)
    except ValueError as error:
        raise _refused(f"the answer is no RFC 3161 response in DER: {str(error)[:300]}") from error


def _verify(
    response: TimeStampResponse, note: bytes, roots: Sequence[x509.Certificate], *, nonce: int | None
) -> datetime:
    try:
        VerifierBuilder(roots=list(roots), nonce=nonce).build().verify_message(response, note)
        time = response.tst_info.gen_time
    except (VerificationError, ValueError) as error:
        raise _refused(f"the stamp does not hold: {error}") from error
    return time


def _refused(cause: str) -> StampError:
    message = "A time stamp of the audit log could not be had or does not hold."
    return StampError(
        message, cause=cause, action="Check the address and the root certificate of the time-stamping authority."
    )
