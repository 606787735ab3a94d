"""Writes what the image in FOLDER is made of, as SPDX 2.3, and the licences of it, below FOLDER/usr/share/doc/pd-operator. Every
shared object must belong to a Debian package."""
import argparse
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
LINKED_INTO_PDCTL = (*(name for name in LINKED_IN if name != "prometheus-cpp-dev"), "libyaml-cpp-dev")  # cli/any_linux
# Names of Debian's copyright files that SPDX has under another name.
SPDX_NAMES = {"Expat": "MIT", "BSL-1.0": "BSL-1.0", "Apache-2": "Apache-2.0", "GPL-2": "GPL-2.0-only", "GPL-2+": "GPL-2.0-or-later",
              "GPL-3": "GPL-3.0-only", "GPL-3+": "GPL-3.0-or-later", "LGPL-2.1": "LGPL-2.1-only", "LGPL-2.1+": "LGPL-2.1-or-later",
              "LGPL-3+": "LGPL-3.0-or-later", "BSD-3-clause": "BSD-3-Clause", "BSD-2-clause": "BSD-2-Clause", "Zlib": "Zlib",
              "Apache-2.0": "Apache-2.0", "MIT": "MIT", "OpenLDAP-2.8": "OLDAP-2.8", "curl": "curl", "ISC": "ISC"}


def ask(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def ask_dpkg(sysroot, *arguments):
    return ask("dpkg-query", "--admindir", sysroot + "/var/lib/dpkg", *arguments)


def owners(sysroot):
    """Package by path, of all shared objects that dpkg knows. /lib may be a link into /usr; dpkg has one of the names."""
    known = {}
    for line in ask_dpkg(sysroot, "-S", "*.so*").splitlines():
        names, _, path = line.partition(": ")
        path = sysroot + path
        if not os.path.islink(path):  # a -dev package has a link to it
            known[os.path.realpath(path)] = names.split(",")[0].split(":")[0]
    return known


def owner(path, known):
    if os.path.realpath(path) not in known:
        sys.exit(f"sbom: {path} belongs to no Debian package, so its licence is not known")
    return known[os.path.realpath(path)]


def licences(text):
    """What a machine-readable copyright file names, for whatever file of the source; nothing where it names none."""
    return sorted({name.strip() for name in re.findall(r"^License: *([^\n]+)", text, re.MULTILINE)})


def package(name, documents, sysroot):
    version, source = ask_dpkg(sysroot, "-W", "-f", "${Version}\\t${source:Package}", name).split("\t")
    text = pathlib.Path(sysroot + "/usr/share/doc", name, "copyright").read_text(encoding="utf-8", errors="replace")
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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("version")
    parser.add_argument("--sysroot", default="", help="where the packages are unpacked, if they are not installed (scripts/sysroot.sh)")
    parser.add_argument("--static-pdctl", action="store_true", help="of the pdctl for any Linux, not of an image")
    asked = parser.parse_args()
    folder, version, sysroot = asked.folder, asked.version, asked.sysroot
    linked_in, product = (LINKED_INTO_PDCTL, "pdctl") if asked.static_pdctl else (LINKED_IN, "pd-operator")
    documents = folder / "usr/share/doc/pd-operator"
    (documents / "licences").mkdir(parents=True)
    objects = sorted("/" + str(path.relative_to(folder)) for path in folder.rglob("*.so*") if path.is_file())
    known = owners(sysroot)
    names = sorted({owner(sysroot + path, known) for path in objects} | set(linked_in))
    packages = [package(name, documents, sysroot) for name in names]
    itself = {"SPDXID": f"SPDXRef-{product}", "name": product, "versionInfo": version, "downloadLocation": "NOASSERTION",
              "filesAnalyzed": False, "licenseConcluded": "Apache-2.0", "licenseDeclared": "Apache-2.0", "copyrightText": "NOASSERTION",
              "primaryPackagePurpose": "APPLICATION" if asked.static_pdctl else "CONTAINER"}
    relations = [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": itself["SPDXID"]}]
    for one in packages:
        kind = "STATIC_LINK" if one["name"] in linked_in else "DYNAMIC_LINK"
        relations.append({"spdxElementId": itself["SPDXID"], "relationshipType": kind, "relatedSpdxElement": one["SPDXID"]})
    content = json.dumps([itself, packages], sort_keys=True)
    created = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), datetime.timezone.utc)
    sbom = {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"{product}-{version}",
            "documentNamespace": f"urn:pd-operator:sbom:{hashlib.sha256(content.encode()).hexdigest()}",
            "creationInfo": {"created": created.strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": ["Tool: pd-operator-sbom"]},
            "packages": [itself, *packages], "relationships": relations}
    (documents / "sbom.spdx.json").write_text(json.dumps(sbom, indent=1) + "\n", encoding="utf-8")
    lines = [f"{one['name']} {one['versionInfo']}: {one.get('licenseComments', one['licenseDeclared']).rpartition(': ')[2]}"
             for one in [itself, *packages]]
    (documents / "licences.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
