"""What is worth another try, and what is told at once."""

import errno
import os
from typing import Any

import pytest

from shared_libs.common.errors import InputError, OutputError, TransientError, UserError
from shared_libs.common.storage_failures import Retry, is_transient, reading, writing


def of(kind: str, *parents: type[BaseException], **attributes: Any) -> Exception:
    """An error of a client that need not be installed: `kind` is its module and name."""
    module, _, name = kind.rpartition(".")
    made = type(name, parents or (Exception,), {"__module__": module} | attributes)("told by the client")
    assert isinstance(made, Exception)
    return made


def answered(code: str, status: int) -> Exception:
    """An OSError as s3fs makes it of botocore's ClientError."""
    error = OSError(errno.EINVAL, "told by the server")
    response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error.__cause__ = of("botocore.exceptions.ClientError", response=response)
    return error


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(errno.ECONNREFUSED, "refused"),
        ConnectionResetError(),
        TimeoutError(),
        OSError(errno.EHOSTUNREACH, "no route"),
        OSError(errno.ESTALE, "stale"),
        of("botocore.exceptions.EndpointConnectionError", type(of("botocore.exceptions.ConnectionError"))),
        of("botocore.exceptions.ReadTimeoutError", type(of("botocore.exceptions.HTTPClientError"))),
        of(
            "aiohttp.client_exceptions.ClientConnectorError",
            type(of("aiohttp.client_exceptions.ClientConnectionError")),
        ),
        of("aiohttp.client_exceptions.ClientPayloadError"),
        of("aiohttp.client_exceptions.ClientResponseError", status=503),
        of("google.auth.exceptions.TransportError"),
        of("gcsfs.retry.HttpError", code=429),
        of("gcsfs.retry.HttpError", code="500"),
        of("requests.exceptions.ProxyError", type(of("requests.exceptions.ConnectionError", OSError))),
        answered("SlowDown", 503),
        answered("InternalError", 500),
        answered("InternalError", 200),
        answered("BadDigest", 400),
        answered("503", 503),
        ValueError("Bad Request: Invalid Content-Range start: expected 8388608, got 0"),
        RuntimeError('Provided MD5 hash "x" doesn\'t match calculated MD5 hash "y".'),
        TransientError("a", "b"),
    ],
    ids=repr,
)
def test_the_network_and_a_busy_server_are_worth_another_try(error: Exception) -> None:
    assert is_transient(error)
    with pytest.raises(TransientError, match=r"^a: (cannot be read just now|b)"), reading("a"):
        raise error
    with pytest.raises(TransientError, match=r"^a: (cannot be written just now|b)"), writing("a"):
        raise error


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)),
        PermissionError("Forbidden"),
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        OSError(errno.EFBIG, os.strerror(errno.EFBIG)),
        ValueError("Bad Request"),
        RuntimeError("Unable to locate credentials"),
        of("botocore.exceptions.NoCredentialsError"),
        of("botocore.exceptions.SSLError", type(of("botocore.exceptions.ConnectionError"))),
        of("gcsfs.retry.HttpError", code=401),
        answered("NoSuchBucket", 404),
        answered("InvalidArgument", 400),
        answered("NotImplemented", 501),
        InputError("a", "b"),
    ],
    ids=repr,
)
def test_what_stays_wrong_is_told_at_once(error: Exception) -> None:
    assert not is_transient(error)
    for place, kinds in ((reading("a"), InputError), (writing("a"), (OutputError, InputError))):
        with pytest.raises(kinds, match=r"^a: "), place:
            raise error


def test_a_full_disk_is_told_with_what_to_do() -> None:
    with pytest.raises(OutputError, match="a: cannot be written: the disk is full – free some space"), writing("a"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("failures", range(9))
def test_a_call_is_tried_eight_times_with_growing_pauses(failures: int) -> None:
    left = [TimeoutError(str(number)) for number in range(failures)]
    slept: list[float] = []

    def call() -> str:
        if left:
            raise left.pop()
        return "done"

    if failures < 8:
        assert Retry(slept.append)(call) == "done"
    else:
        with pytest.raises(TimeoutError, match="0"):
            Retry(slept.append)(call)
    assert len(slept) == min(failures, 7)
    assert sum(slept) <= 5
    for pause, longest in zip(slept, (0.05, 0.1, 0.2, 0.4, 0.8, 1.2, 1.25), strict=False):
        assert longest / 2 <= pause <= longest


def test_what_is_not_worth_another_try_is_tried_once() -> None:
    calls: list[int] = []

    def call() -> None:
        calls.append(1)
        raise PermissionError

    with pytest.raises(PermissionError):
        Retry(lambda seconds: pytest.fail("no pause"))(call)
    assert calls == [1]


def test_errors_for_the_user_pass_as_they_are() -> None:
    told = UserError("b", "c")
    for place in (reading("a"), writing("a")):
        with pytest.raises(UserError) as caught, place:
            raise told
        assert caught.value is told
