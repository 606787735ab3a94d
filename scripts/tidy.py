"""Runs clang-tidy over the project's files of a compilation database, as many at once as there are processors.

A file that was clean is not looked at again while it, the headers it includes, its flags and the checks stay the same:
the cache folder holds an empty file named after the hash of all these.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

TIDY = "clang-tidy-19"


def tracked(root, entry):
    path = pathlib.Path(entry["directory"], entry["file"]).resolve()
    return path.is_relative_to(root) and not path.is_relative_to(root / "build")


def included_files(entry, root):
    """The project's files that make up this translation unit."""
    command = shlex.split(entry["command"])
    output = command.index("-o")
    command = command[:output] + command[output + 2:] + ["-MM"]
    rule = subprocess.run(command, cwd=entry["directory"], capture_output=True, text=True, check=True).stdout
    names = rule.replace("\\\n", " ").split(": ", 1)[1].split()
    paths = {pathlib.Path(entry["directory"], name).resolve() for name in names}
    return sorted(path for path in paths if path.is_relative_to(root))


def fingerprint(entry, root):
    digest = hashlib.sha256(entry["command"].replace(str(root), "").encode())
    source = pathlib.Path(entry["directory"], entry["file"]).resolve()
    checks = [folder / ".clang-tidy" for folder in source.parents if (folder / ".clang-tidy").exists()]
    for path in [*checks, *included_files(entry, root)]:
        digest.update(str(os.path.relpath(path, root)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def check(entry, root, database, cache):
    """None when the file is clean, else what is wrong with it."""
    try:
        stamp = cache / fingerprint(entry, root)
    except subprocess.CalledProcessError as error:
        return f"{entry['file']} does not compile without the precompiled header:\n{error.stderr}"
    if stamp.exists():
        return None
    command = [TIDY, "--quiet", "-p", str(database), entry["file"]]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done.returncode != 0:
        return done.stdout + "".join(line for line in done.stderr.splitlines(True) if "error" in line)
    stamp.touch()
    return None


def main(root, database, cache):
    root, cache = pathlib.Path(root).resolve(), pathlib.Path(cache)
    cache.mkdir(parents=True, exist_ok=True)
    entries = json.loads(pathlib.Path(database, "compile_commands.json").read_text())
    entries = [entry for entry in entries if tracked(root, entry)]
    broken = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for findings in pool.map(lambda entry: check(entry, root, database, cache), entries):
            if findings:
                broken += 1
                print(findings, flush=True)
    print(f"{len(entries)} files, {broken} with findings")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
