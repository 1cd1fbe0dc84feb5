"""HTTP by the standard library: a connection for each request."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from shared_libs.common.api_client.errors import api_error
from shared_libs.common.api_client.operations import Operation
from shared_libs.common.errors import InputError, TransientError

PREFIX: Final = "/api/v1"

Query = Mapping[str, str | int | float | Sequence[str | int] | None]
"""None stands for a parameter that is not given, a sequence for one that is given several times."""


class Answer(NamedTuple):
    """headers: names in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def document(self) -> Any:
        """The content as JSON."""
        return json.loads(self.content)


class Transport:
    """A service at an address."""

    def __init__(self, url: str, key: str | None, timeout: float) -> None:
        """Raises InputError for what is no http or https URL."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(url, "is no address of a service", hint="for example http://localhost:8080")
        self._https = parts.scheme == "https"
        self._host = parts.netloc.rpartition("@")[2]
        self._prefix = parts.path.rstrip("/") + PREFIX
        self._headers = {"Authorization": f"Bearer {key}"} if key is not None else {}
        self._timeout = timeout

    def ask(
        self,
        operation: Operation,
        ids: Mapping[str, str] | None = None,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterable[bytes] | None = None,
    ) -> Answer:
        """The whole answer. Raises ApiError for one of 400 or more, TransientError where the service is not reached."""
        with self.opened(operation, ids, query, headers, body) as response:
            return Answer(response.status, _lower(response), response.read())

    @contextlib.contextmanager
    def opened(
        self,
        operation: Operation,
        ids: Mapping[str, str] | None = None,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterable[bytes] | None = None,
    ) -> Iterator[http.client.HTTPResponse]:
        """The answer, to be read bit by bit. A body that is no bytes needs a Content-Length. Raises as `ask` does, also
        for what breaks off while it is read."""
        address = self._address(operation, ids or {}, query or {})
        kind = http.client.HTTPSConnection if self._https else http.client.HTTPConnection
        try:
            with contextlib.closing(kind(self._host, timeout=self._timeout)) as connection:
                connection.request(operation.method, address, body, {**self._headers, **(headers or {})})
                response = connection.getresponse()
                if response.status >= 400:
                    raise api_error(address, response.status, _lower(response), response.read())
                yield response
        except (OSError, http.client.HTTPException) as error:
            cause = f"{operation.method} {address} broke off: {error or type(error).__name__}"
            raise TransientError(self._host, cause, hint="see that the service runs, and try again") from error

    def _address(self, operation: Operation, ids: Mapping[str, str], query: Query) -> str:
        path = operation.path.format(**{name: quote(each, safe="") for name, each in ids.items()})
        given = {name: each for name, each in query.items() if each is not None}
        assert set(given) <= set(operation.query), given
        return self._prefix + path + ("?" + urlencode(given, doseq=True) if given else "")


def _lower(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}
