"""One number of a benchmark as one line of JSON, with its unit."""
import json
import statistics


def say(name, unit, values, **more):
    print(json.dumps({"bench": name, "unit": unit, "median": round(statistics.median(values), 4), "min": round(min(values), 4),
                      "max": round(max(values), 4), "calls": len(values), **more}), flush=True)
