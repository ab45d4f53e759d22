"""The functions of the interface `python`."""

import contextlib
import io
import json
import traceback

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import python

import modules
import values


class Python(exports.Python):
    def expression(self, expression, data):
        names = {**modules.FOR_DATA, "data": _data(data)}
        with _told("expression"):
            code = compile(expression.strip(), "expression", "eval")
            return values.to_json(eval(code, names))

    def script(self, script, data):
        names = {"__name__": "__main__", "data": _data(data)}
        output = io.StringIO()
        with _told("script"), contextlib.redirect_stdout(output):
            exec(compile(script, "script", "exec"), names)
            value = values.to_json(names.get("result"))
        return python.Outcome(value, output.getvalue())


def _data(text):
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise Err(f"`data` is not JSON: {error}")


@contextlib.contextmanager
def _told(name):
    """Turns what the caller's code raises into the error of the call.

    """
    try:
        yield
    except MemoryError:
        # It is no answer: the call ends, by its limit if that was the reason.
        raise
    except BaseException as error:
        raise Err(_message(error, name))


def _message(error, name):
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == name
    ]
    if isinstance(error, SyntaxError):
        lines = [error.lineno]
        text = f"{type(error).__name__}: {error.msg}"
    else:
        text = "".join(traceback.format_exception_only(error)).strip()
    where = f"line {lines[-1]}: " if lines and lines[-1] is not None else ""
    return where + text
