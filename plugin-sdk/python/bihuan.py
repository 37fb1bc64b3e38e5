"""The host's side of ``bihuan:plugin@1.0.0`` for plugins in Python.

A component made from Python is a snapshot of an interpreter that has already imported every module.
WASI is stubbed out: a call of it is a trap without a word. So the clock, random numbers and
``print`` go to the host here, and an exception becomes a failure that says where it happened.
Import this module before anything else, and every module at the top of its file: imports at run
time do not work.
"""

import builtins
import functools
import json
import os
import random as _random
import time
import traceback
import uuid
from datetime import datetime, timezone

from componentize_py_types import Err
from wit_world.imports import clock, config, log
from wit_world.imports import random as host_random
from wit_world.imports.connector_types import (
    Item,
    Rejected,
    Scalar_Flag,
    Scalar_Number,
    Scalar_Text,
)
from wit_world.imports.types import Failure, FailureClass

RANDOM_BYTES = 32
PLACES = 6


def _bytes(count: int) -> bytes:
    out = b""
    while len(out) < count:
        more = host_random.bytes(min(1024, count - len(out)))
        if not more:
            raise OSError("no random bytes are left for this call")
        out += more
    return out


def _print(*words, sep=" ", end="", file=None, flush=False):
    log.log(log.Level.INFO, sep.join(str(w) for w in words) + end.rstrip("\n"), [])


def _seconds() -> float:
    return clock.now() / 1000.0


time.time = _seconds
time.time_ns = lambda: clock.now() * 1_000_000
time.monotonic = lambda: clock.elapsed_ms() / 1000.0
time.perf_counter = time.monotonic
os.urandom = _bytes
uuid.uuid4 = lambda: uuid.UUID(bytes=_bytes(16), version=4)
builtins.print = _print


def now() -> datetime:
    """The host's clock, in UTC. ``datetime.now()`` itself reads the stubbed clock: do not use it."""
    return datetime.fromtimestamp(clock.now() / 1000.0, tz=timezone.utc)


def failure(kind: FailureClass, code: str, message: str, retry_after_ms: int | None = None) -> Err:
    """What a plugin raises to say what the host should do next. ``code`` is dotted and stable, for
    machines; ``message`` is for the operator: no secrets, no customers' texts."""
    return Err(Failure(kind, code, message, retry_after_ms, []))


def exported(run):
    """Goes round every exported method."""

    @functools.wraps(run)
    def guarded(*args):
        # The snapshot holds one state of `random`: without this every instance would draw the same.
        _random.seed(_bytes(RANDOM_BYTES))
        try:
            return run(*args)
        except Err:
            raise
        except Exception as error:  # noqa: BLE001 - anything else would be a trap without a word
            say = f"{run.__name__}: {type(error).__name__}: {error}"
            frames = traceback.extract_tb(error.__traceback__)[-PLACES:]
            places = [
                log.Field(f"at{i}", f"{f.filename}:{f.lineno} {f.name}") for i, f in enumerate(frames)
            ]
            log.log(log.Level.ERROR, say, places)
            raise failure(FailureClass.INTERNAL, "python.exception", say) from None

    return guarded


def settings() -> dict:
    """The settings of this installation."""
    return json.loads(config.get())


def scalar(value):
    """Marks, figures, times and yes/no go to the host as the source writes them."""
    if value is None:
        return None
    if isinstance(value, bool):
        return Scalar_Flag(value)
    if isinstance(value, (int, float)):
        return Scalar_Number(float(value))
    return Scalar_Text(str(value))


_NOTHING = {name: None for name in Item.__dataclass_fields__}


def item(external_id: str, **fields) -> Item:
    """An item with nothing in it but its identifier and what is given."""
    return Item(**{**_NOTHING, "turns": [], "attributes": [], **fields, "external_id": external_id})


def rejected(external_id: str | None, raw, code: str, message: str) -> Rejected:
    """Something that the source sent and that is no item: the host sets it aside."""
    return Rejected(
        external_id,
        json.dumps(raw, ensure_ascii=False),
        Failure(FailureClass.INVALID_INPUT, code, message, None, []),
    )
