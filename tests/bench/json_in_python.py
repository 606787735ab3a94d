"""What Python's json needs for a ranktable that table_memory wrote: lines of the same form as the other benchmarks'.

usage: json_in_python.py times NAME FILE | memory NAME FILE
"""
import json
import pathlib
import re
import sys
import time

CALLS = 101
FEWEST_CALLS = 11
ENOUGH_SECONDS = 1.0


def measure(name, size, call):
    times = []
    begun = time.perf_counter()
    while len(times) < CALLS and (len(times) < FEWEST_CALLS or time.perf_counter() - begun < ENOUGH_SECONDS):
        started = time.perf_counter()
        call()
        times.append((time.perf_counter() - started) * 1e3)
    times.sort()
    median = times[len(times) // 2]
    line = {"bench": name, "unit": "ms", "median": round(median, 4), "min": round(times[0], 4),
            "mb_per_s": round(size / median / 1e3), "calls": len(times), "size": size}
    print(json.dumps(line, separators=(",", ":")))


def peak_kib():
    return int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path("/proc/self/status").read_text()).group(1))


def main(task, name, file):
    text = pathlib.Path(file).read_text(encoding="utf-8")
    if task == "times":
        table = json.loads(text)
        if json.dumps(table, separators=(",", ":")) != text:
            sys.exit(f"json_in_python: {file} is not compact, so the numbers are not those of the same document")
        measure(f"python.{name}.json_loads", len(text), lambda: json.loads(text))
        measure(f"python.{name}.json_dumps", len(text), lambda: json.dumps(table, separators=(",", ":")))
    else:
        json.loads(text)
        peak = peak_kib()
        line = {"bench": f"python.memory.{name}.json_loads", "unit": "KiB", "peak": peak, "size": len(text),
                "peak_by_size": round(peak * 1024 / len(text), 2)}
        print(json.dumps(line, separators=(",", ":")))


main(*sys.argv[1:])
