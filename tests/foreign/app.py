import socket

import wit_world
from componentize_py_types import Err


class WitWorld(wit_world.WitWorld):
    def shout(self, text: str) -> str:
        if text == "":
            raise Err("there is nothing to shout")
        return text.upper()

    def visit(self, url: str) -> str:
        host, port = url.removeprefix("http://").rstrip("/").split(":")
        try:
            with socket.socket() as connection:
                connection.connect((host, int(port)))
                return connection.recv(1000).decode()
        except OSError as error:
            raise Err(f"{type(error).__name__}: {error}")
