"""What a plugin in Python needs of the host. Import it first, and guard every exported method:
without it `print` and `time.time` trap, `random` gives the same numbers in every instance, and an
exception is a trap without a message."""
import builtins
import dataclasses
import functools
import json
import os
import random
import time
import traceback

from componentize_py_types import Err
from wit_world.imports import clock, config, log, types
from wit_world.imports import random as host_random

try:
    from wit_world.imports import http
except ImportError:  # The world of this plugin has no network.
    http = None
try:
    from wit_world.imports import connector_types
except ImportError:
    connector_types = None


def _line(level):
    return lambda *words: log.log(level, " ".join(str(w) for w in words), [])


debug = _line(log.Level.DEBUG)
info = _line(log.Level.INFO)
warn = _line(log.Level.WARN)
error = _line(log.Level.ERROR)


def _print(*words, sep=" ", **_):
    log.log(log.Level.INFO, sep.join(str(w) for w in words), [])


def _urandom(size):
    out = b""
    while len(out) < size:
        out += host_random.bytes(size - len(out))
    return out[:size]


builtins.print = _print
time.time = lambda: clock.now() / 1000
time.time_ns = lambda: clock.now() * 1_000_000
time.monotonic = lambda: clock.elapsed_ms() / 1000
os.urandom = _urandom


class Failure(Exception):
    """Says what the host does next; raise it."""

    def __init__(self, failure_class, code, message, retry_after_ms=None):
        super().__init__(message)
        self.value = types.Failure(failure_class, code, message, retry_after_ms, [])


def config_failure(code, message):
    return Failure(types.FailureClass.CONFIG, code, message)


def transient(code, message, retry_after_ms=None):
    return Failure(types.FailureClass.TRANSIENT, code, message, retry_after_ms)


def rate_limited(code, message, retry_after_ms=None):
    return Failure(types.FailureClass.RATE_LIMITED, code, message, retry_after_ms)


def invalid_input(code, message):
    return Failure(types.FailureClass.INVALID_INPUT, code, message)


def cursor_expired(code, message):
    return Failure(types.FailureClass.CURSOR_EXPIRED, code, message)


def guarded(method):
    """Reseeds `random` and turns what was raised into the contract's failure."""

    @functools.wraps(method)
    def call(*args):
        random.seed(_urandom(16))
        try:
            return method(*args)
        except Failure as failed:
            raise Err(failed.value) from None
        except Err:
            raise
        except Exception as failed:
            error(traceback.format_exc())
            value = types.Failure(types.FailureClass.INTERNAL, "python.exception", str(failed), None, [])
            raise Err(value) from None

    return call


def scalar(value):
    """Times, numbers and truth values as the contract's `scalar`."""
    if value is None:
        return None
    if isinstance(value, bool):
        return connector_types.Scalar_Flag(value)
    if isinstance(value, (int, float)):
        return connector_types.Scalar_Number(float(value))
    return connector_types.Scalar_Text(str(value))


def item(**fields):
    """An item with every other field absent."""
    empty = {f.name: None for f in dataclasses.fields(connector_types.Item)}
    return connector_types.Item(**{**empty, "turns": [], "attributes": [], **fields})


def settings():
    return json.loads(config.get())


_CLASSES = {
    "Dns": types.FailureClass.TRANSIENT,
    "Connect": types.FailureClass.TRANSIENT,
    "Timeout": types.FailureClass.TRANSIENT,
    "Protocol": types.FailureClass.TRANSIENT,
    "TooLarge": types.FailureClass.INVALID_INPUT,
    "InvalidRequest": types.FailureClass.INTERNAL,
    "BudgetExceeded": types.FailureClass.RATE_LIMITED,
}


def _answered(method, url, header, body, credentials, key):
    """The answer to a request; whatever is no success is raised as a failure."""
    try:
        answer = http.send(http.Request(method, url, [header], body, list(credentials), 0, None, None, key))
    except Err as failed:
        kind = type(failed.value).__name__.removeprefix("HttpError_")
        detail = str(getattr(failed.value, "value", kind))
        raise Failure(_CLASSES.get(kind, types.FailureClass.CONFIG), f"http.{kind.lower()}", detail) from None
    if not 200 <= answer.status <= 299:
        code, message = f"http.status_{answer.status}", f"{url.split('?')[0]} answers {answer.status}"
        if answer.status == 429:
            after = next((h.value for h in answer.headers if h.name.lower() == "retry-after"), "")
            raise rate_limited(code, message, int(after) * 1000 if after.isdigit() else None)
        raise transient(code, message) if answer.status >= 500 else config_failure(code, message)
    return answer


def get_json(url, credentials=()):
    """GET of JSON; `credentials` are the contract's."""
    answer = _answered(http.Method.GET, url, types.Header("accept", "application/json"), None, credentials, None)
    try:
        return json.loads(answer.body)
    except ValueError as failed:
        raise transient("http.not_json", str(failed)) from None


def post_json(url, value, credentials=(), idempotency_key=None):
    """POST of JSON; the key lets the host and the service know a repetition. Answers the contract's `response`."""
    header = types.Header("content-type", "application/json")
    return _answered(http.Method.POST, url, header, json.dumps(value).encode(), credentials, idempotency_key)
