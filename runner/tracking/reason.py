"""Short reasons for failures of a store: MLflow, requests, urllib3 and SQLAlchemy wrap the cause in pages."""

import re
import ssl
from collections.abc import Iterator

_STATUS = re.compile(r"failed with error code (\d{3}) != 200")


def short_reason(error: BaseException) -> str:
    """Returns the operating system's message where an error has one among its causes, else its first line."""
    chain = list(_chain(error))
    for cause in reversed(chain):
        if isinstance(cause, ssl.SSLError):
            reason = getattr(cause, "verify_message", "") or getattr(cause, "reason", "") or "TLS failed"
            return f"no safe connection: {reason}"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror[0].lower() + cause.strerror[1:]
    if any("timed out" in str(cause).lower() for cause in chain):
        return "no answer in time"
    status = _STATUS.search(str(error))
    if status:
        return f"it answers with HTTP status {status[1]}"
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        seen.append(cause)
        yield cause
        cause = cause.__cause__ or cause.__context__
