"""sbom.py FOLDER VERSION: writes what the image in FOLDER is made of, as SPDX 2.3, and the licences of it, below
FOLDER/usr/share/doc/pd-operator. Every shared object must belong to a Debian package: one that is installed, or with PD_SYSROOT
one that is unpacked there (scripts/sysroot.sh). PD_LINKED_IN=package,... are in the programs besides."""
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
LINKED_IN += tuple(filter(None, os.environ.get("PD_LINKED_IN", "").split(",")))
SYSROOT = os.environ.get("PD_SYSROOT", "")
DATABASE = ("--admindir", SYSROOT + "/var/lib/dpkg")
# Names of Debian's copyright files that SPDX has under another name.
SPDX_NAMES = {"Expat": "MIT", "BSL-1.0": "BSL-1.0", "Apache-2": "Apache-2.0", "GPL-2": "GPL-2.0-only", "GPL-2+": "GPL-2.0-or-later",
              "GPL-3": "GPL-3.0-only", "GPL-3+": "GPL-3.0-or-later", "LGPL-2.1": "LGPL-2.1-only", "LGPL-2.1+": "LGPL-2.1-or-later",
              "LGPL-3+": "LGPL-3.0-or-later", "BSD-3-clause": "BSD-3-Clause", "BSD-2-clause": "BSD-2-Clause", "Zlib": "Zlib",
              "Apache-2.0": "Apache-2.0", "MIT": "MIT", "OpenLDAP-2.8": "OLDAP-2.8", "curl": "curl", "ISC": "ISC"}


def ask(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def owners():
    """Package by path, of all shared objects that dpkg knows. /lib may be a link into /usr; dpkg has one of the names."""
    known = {}
    for line in ask("dpkg-query", *DATABASE, "-S", "*.so*").splitlines():
        names, _, path = line.partition(": ")
        path = SYSROOT + path
        if not os.path.islink(path):  # a -dev package has a link to it
            known[os.path.realpath(path)] = names.split(",")[0].split(":")[0]
    return known


def owner(path, known):
    real = os.path.realpath(SYSROOT + path)
    if real not in known:
        sys.exit(f"sbom: {SYSROOT}{path} belongs to no Debian package, so its licence is not known")
    return known[real]


def licences(text):
    """What a machine-readable copyright file names, for whatever file of the source; nothing where it names none."""
    return sorted({name.strip() for name in re.findall(r"^License: *([^\n]+)", text, re.MULTILINE)})


def package(name, documents):
    version, source = ask("dpkg-query", *DATABASE, "-W", "-f", "${Version}\\t${source:Package}", name).split("\t")
    text = pathlib.Path(SYSROOT + "/usr/share/doc", name, "copyright").read_text(encoding="utf-8", errors="replace")
    (documents / "licences" / name).write_text(text, encoding="utf-8")
    named = licences(text)
    is_known = bool(named) and all(one in SPDX_NAMES for one in named)
    return {"SPDXID": "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name), "name": name, "versionInfo": version, "supplier": "Organization: Debian",
            "downloadLocation": "NOASSERTION", "filesAnalyzed": False, "sourceInfo": f"built from Debian's source package {source}",
            "licenseConcluded": "NOASSERTION", "copyrightText": "NOASSERTION",
            "licenseDeclared": " AND ".join(sorted({SPDX_NAMES[one] for one in named})) if is_known else "NOASSERTION",
            "licenseComments": f"Debian's copyright file names: {', '.join(named) or 'see its text'}",
            "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                              "referenceLocator": f"pkg:deb/debian/{name}@{version}?distro=bookworm"}]}


def main(folder, version):
    folder = pathlib.Path(folder)
    documents = folder / "usr/share/doc/pd-operator"
    (documents / "licences").mkdir(parents=True)
    objects = sorted("/" + str(path.relative_to(folder)) for path in folder.rglob("*.so*") if path.is_file())
    known = owners()
    names = sorted({owner(path, known) for path in objects} | set(LINKED_IN))
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
    lines = [f"{one['name']} {one['versionInfo']}: {one.get('licenseComments', one['licenseDeclared']).rpartition(': ')[2]}"
             for one in [itself, *packages]]
    (documents / "licences.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
