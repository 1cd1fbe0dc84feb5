"""What goes wrong with storage: what is worth another try, what is not, and one line about either."""

import contextlib
import errno
import os
import random
import time
from collections.abc import Callable, Iterator
from typing import TypeGuard, TypeVar

from shared_libs.common.errors import InputError, OutputError, PathLike, TransientError, UserError

_Result = TypeVar("_Result")

Sleep = Callable[[float], object]

# Of seconds before the second try, the third, and so on: four at most in all. That a call fails eight times in a row is
# one in 400,000 where one call in five fails.
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.2, 1.25)
# A server that keeps every call waiting until it times out is not called eight times.
_LONGEST = 30.0

_TRANSIENT_ERRNOS = frozenset(
    getattr(errno, name)
    for name in (
        *("EAGAIN", "EBUSY", "ECONNABORTED", "ECONNREFUSED", "ECONNRESET", "EHOSTDOWN", "EHOSTUNREACH", "EINTR"),
        *("ENETDOWN", "ENETRESET", "ENETUNREACH", "ENOTCONN", "EPIPE", "EREMOTEIO", "ESTALE", "ETIMEDOUT"),
    )
    if hasattr(errno, name)
)

# Of the clients' kinds of error by the package they come from, since no client need be installed.
_TRANSIENT_KINDS = {
    "aiohttp": {"ClientConnectionError", "ClientPayloadError", "ServerDisconnectedError", "ServerTimeoutError"},
    "botocore": {"ConnectionError", "HTTPClientError", "IncompleteReadError", "MetadataRetrievalError"}
    | {"ResponseParserError"},
    "gcsfs": {"ChecksumError"},
    "google": {"TransportError"},
    "http": {"IncompleteRead"},
    "requests": {"ChunkedEncodingError", "ConnectionError", "Timeout"},
}
# They are among the former by descent, but a certificate is not mended by waiting.
_LASTING_KINDS = {"ClientSSLError", "ClientConnectorCertificateError", "SSLError", "SSLCertVerificationError"}

_TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 509, 529})
# By their names in the answers of S3 and of Google Cloud Storage.
_TRANSIENT_CODES = frozenset(
    {"BadDigest", "IncompleteBody", "InternalError", "OperationAborted", "RequestTimeout", "RequestTimeoutException"}
    | {"ServiceUnavailable", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequests"}
    | {"XAmzContentSHA256Mismatch"}
)
# What Google says of content that was damaged on its way, and of a part that does not follow on what it has got, as
# where a part was sent twice.
_TRANSIENT_WORDS = (
    "rateLimitExceeded",
    "reduce your request rate",
    "doesn't match calculated",
    "Content-Range",
)

_TRY_AGAIN = "try again later; if it stays so, check the network and the server"


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed a little later: the network, or a server that is busy or broken.

    Not so for what is missing, for what is not allowed, for a bad request and for a full disk.
    """
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        verdict = _verdict(cause)
        if verdict is not None:
            return verdict
        cause = cause.__cause__
    return False


class Retry:
    """Tries again what fails for the moment."""

    def __init__(self, sleep: Sleep = time.sleep) -> None:
        self._sleep = sleep

    def __call__(self, action: Callable[[], _Result]) -> _Result:
        """What `action` gives, which is done again a few times while its errors are transient.

        Pauses grow, differ by chance, and are four seconds at most in all. The last error is raised as it is.
        """
        begun = time.monotonic()
        for pause in _PAUSES:
            try:
                return action()
            except Exception as error:
                if not is_transient(error) or time.monotonic() - begun > _LONGEST:
                    raise
            self._sleep(pause * random.uniform(0.5, 1.0))
        return action()


@contextlib.contextmanager
def reading(place: PathLike) -> Iterator[None]:
    """Whatever is raised inside the block is about reading `place`: a TransientError, or an InputError."""
    try:
        yield
    except UserError:
        raise
    except FileNotFoundError as error:
        raise InputError(place, "no such file", hint="check the path") from error
    except Exception as error:  # the clients' own kinds share no base
        if is_transient(error):
            raise _transient(place, error, "read") from error
        if _is_of_a_file(error):
            raise InputError.from_os_error(place, error) from error
        cause, hint = _in_words(error, "read")
        raise InputError(place, cause, hint=hint) from error


@contextlib.contextmanager
def writing(place: PathLike) -> Iterator[None]:
    """Whatever is raised inside the block is about writing `place`: a TransientError, or an OutputError."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # as above
        if is_transient(error):
            raise _transient(place, error, "written") from error
        if isinstance(error, OSError) and error.errno == errno.EFBIG:
            cause = "cannot be written: no file may be that large here"
            raise OutputError(place, cause, hint="raise the limit, or use another disk") from error
        if _is_of_a_file(error):
            raise OutputError.from_os_error(place, error) from error
        cause, hint = _in_words(error, "written")
        raise OutputError(place, cause, hint=hint) from error


def _verdict(error: BaseException) -> bool | None:
    """Whether an error is transient; None where it does not tell, and the one that caused it may."""
    if isinstance(error, TransientError):
        return True
    if isinstance(error, UserError):
        return False
    if any(kind.__name__ in _LASTING_KINDS for kind in type(error).__mro__):
        return False
    if any(word in str(error) for word in _TRANSIENT_WORDS):
        return True
    told = _answer(error)
    if told is not None:
        return told
    if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError | NotADirectoryError):
        return False
    if isinstance(error, ConnectionError | TimeoutError | EOFError):
        return True
    if isinstance(error, OSError) and error.errno in _TRANSIENT_ERRNOS:
        return True
    for kind in type(error).__mro__:
        if kind.__name__ in _TRANSIENT_KINDS.get(kind.__module__.partition(".")[0], ()):
            return True
    return True if getattr(error, "retryable", None) is True else None


def _answer(error: BaseException) -> bool | None:
    """What a server's answer says, where an error carries one."""
    response = getattr(error, "response", None)  # botocore's ClientError
    if isinstance(response, dict):
        code = str(response.get("Error", {}).get("Code", ""))
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return code in _TRANSIENT_CODES or status in _TRANSIENT_STATUSES or code in map(str, _TRANSIENT_STATUSES)
    for name in ("code", "status"):  # gcsfs' HttpError, aiohttp's ClientResponseError
        status = getattr(error, name, None)
        if isinstance(status, int | str) and str(status).isdecimal() and int(status) >= 400:
            return int(status) in _TRANSIENT_STATUSES
    return None


def _is_of_a_file(error: BaseException) -> TypeGuard[OSError]:
    """Whether an error comes from the operating system and not, in such a guise, from a client."""
    return (
        isinstance(error, OSError)
        and error.errno is not None
        and error.__cause__ is None
        and error.strerror == os.strerror(error.errno)
    )


def _transient(place: PathLike, error: Exception, done: str) -> TransientError:
    return TransientError(place, f"cannot be {done} just now: {_text(error)}", hint=_TRY_AGAIN)


def _in_words(error: Exception, done: str) -> tuple[str, str]:
    """The cause and what to do, for an error of a client in whose way something could not be read or written."""
    if isinstance(error, PermissionError) or str(error).startswith("Forbidden"):
        return f"may not be {done} (permission denied)", "check whose credentials these are, and what they allow"
    return f"cannot be {done}: {_text(error)}", "check the URL, the network and the credentials"


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__
