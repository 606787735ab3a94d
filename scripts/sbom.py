"""sbom.py FOLDER VERSION: writes what the image in FOLDER is made of, as SPDX 2.3, and the licences of it, below
FOLDER/usr/share/doc/pd-operator. Every shared object must belong to a Debian package."""
import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

# Of these there is code in the programs themselves: headers, and archives that are linked in.
LINKED_IN = ("libboost1.74-dev", "libc6-dev", "libcli11-dev", "libfmt-dev", "libspdlog-dev", "libssl-dev", "libstdc++-12-dev",
             "nlohmann-json3-dev", "prometheus-cpp-dev")
# Names of Debian's copyright files that SPDX has under another name.
SPDX_NAMES = {"Expat": "MIT", "BSL-1.0": "BSL-1.0", "Apache-2": "Apache-2.0", "GPL-2": "GPL-2.0-only", "GPL-2+": "GPL-2.0-or-later",
              "GPL-3": "GPL-3.0-only", "GPL-3+": "GPL-3.0-or-later", "LGPL-2.1": "LGPL-2.1-only", "LGPL-2.1+": "LGPL-2.1-or-later",
              "LGPL-3+": "LGPL-3.0-or-later", "BSD-3-clause": "BSD-3-Clause", "BSD-2-clause": "BSD-2-Clause", "Zlib": "Zlib",
              "Apache-2.0": "Apache-2.0", "MIT": "MIT", "OpenLDAP-2.8": "OLDAP-2.8", "curl": "curl", "ISC": "ISC"}


def ask(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def owner(path):
    """The package of a shared object. /lib is a link into /usr on a merged system, and dpkg knows one of the names."""
    for name in (path, path.removeprefix("/usr"), "/usr" + path, os.path.realpath(path), os.path.realpath(path).removeprefix("/usr")):
        said = subprocess.run(["dpkg", "-S", name], capture_output=True, text=True, check=False)
        if said.returncode == 0:
            return said.stdout.split(":")[0]
    sys.exit(f"sbom: {path} belongs to no Debian package, so its licence is not known")


def licences(text):
    """Those that a machine-readable copyright file names, as SPDX has them; nothing where it names none."""
    names = sorted({name.strip() for name in re.findall(r"^License: *([^\n]+)", text, re.MULTILINE)})
    return [SPDX_NAMES[name] for name in names if name in SPDX_NAMES], names


def package(name, documents):
    version, source = ask("dpkg-query", "-W", "-f", "${Version}\\t${source:Package}", name).split("\t")
    text = pathlib.Path("/usr/share/doc", name, "copyright").read_text(encoding="utf-8", errors="replace")
    (documents / "licences" / name).write_text(text, encoding="utf-8")
    known, _ = licences(text)
    return {"SPDXID": "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name), "name": name, "versionInfo": version, "supplier": "Organization: Debian",
            "downloadLocation": "NOASSERTION", "filesAnalyzed": False, "sourceInfo": f"built from Debian's source package {source}",
            "licenseConcluded": "NOASSERTION", "licenseDeclared": " AND ".join(known) or "NOASSERTION", "copyrightText": "NOASSERTION",
            "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                              "referenceLocator": f"pkg:deb/debian/{name}@{version}?distro=bookworm"}]}


def main(folder, version):
    folder = pathlib.Path(folder)
    documents = folder / "usr/share/doc/pd-operator"
    (documents / "licences").mkdir(parents=True)
    objects = sorted("/" + str(path.relative_to(folder)) for path in folder.rglob("*.so*") if path.is_file())
    names = sorted({owner(path) for path in objects} | set(LINKED_IN))
    packages = [package(name, documents) for name in names]
    itself = {"SPDXID": "SPDXRef-pd-operator", "name": "pd-operator", "versionInfo": version, "downloadLocation": "NOASSERTION",
              "filesAnalyzed": False, "licenseConcluded": "Apache-2.0", "licenseDeclared": "Apache-2.0", "copyrightText": "NOASSERTION",
              "primaryPackagePurpose": "CONTAINER"}
    relations = [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": itself["SPDXID"]}]
    for one in packages:
        kind = "STATIC_LINK" if one["name"] in LINKED_IN else "DYNAMIC_LINK"
        relations.append({"spdxElementId": itself["SPDXID"], "relationshipType": kind, "relatedSpdxElement": one["SPDXID"]})
    content = json.dumps([itself, packages], sort_keys=True)
    created = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), datetime.timezone.utc)
    sbom = {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"pd-operator-{version}",
            "documentNamespace": f"urn:pd-operator:sbom:{hashlib.sha256(content.encode()).hexdigest()}",
            "creationInfo": {"created": created.strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": ["Tool: pd-operator-sbom"]},
            "packages": [itself, *packages], "relationships": relations}
    (documents / "sbom.spdx.json").write_text(json.dumps(sbom, indent=1) + "\n", encoding="utf-8")
    lines = [f"{one['name']} {one['versionInfo']}: {one['licenseDeclared']}" for one in [itself, *packages]]
    (documents / "licences.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
