import sys
import time

import extism
from extism.extism import CompiledPlugin

path, text = sys.argv[1:]
with open(path, "rb") as file:
    compiled = CompiledPlugin({"wasm": [{"data": file.read()}]})
data = text.encode()
for _ in sys.stdin:
    started = time.perf_counter_ns()
    answer = extism.Plugin(compiled).call("echo", data)
    spent = time.perf_counter_ns() - started
    assert bytes(answer) == data
    print(spent, flush=True)
