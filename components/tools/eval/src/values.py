"""Values of Python as JSON."""

import dataclasses
import datetime
import json


def to_json(value):
    """Fails for numbers that JSON does not have, as `nan`."""
    return json.dumps(value, default=_simpler, allow_nan=False, ensure_ascii=False)


def _simpler(value):
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if hasattr(value, "items"):
        return dict(value.items())
    if hasattr(value, "__iter__"):
        return list(value)
    return str(value)
