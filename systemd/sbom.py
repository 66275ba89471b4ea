#!/usr/bin/python3
"""A bill of materials, CycloneDX 1.5: the Debian packages whose libraries the programs load, and those whose
headers were compiled in, as dpkg knows them.
Usage: sbom.py NAME VERSION BUILD_DIR OUTPUT BINARY..."""
import json
import os
import re
import subprocess
import sys

NAME, VERSION, BUILD, OUTPUT = sys.argv[1:5]
BINARIES = sys.argv[5:]


def said(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def packages_of(paths):
    """The packages of files; a file may be known by its place before or after /usr was merged."""
    names = set()
    for path in {os.path.realpath(path) for path in paths}:
        for place in path, re.sub("^/usr", "", path), "/usr" + path:
            found = re.match(r"([a-z0-9.+-]+)(:[a-z0-9]+)?: ", said("dpkg-query", "-S", place))
            if found:
                names.add(found[1] + (found[2] or ""))
                break
    return names


def loaded():
    for binary in BINARIES:
        yield from re.findall(r"(?:=> )?(/\S+) \(0x", said("ldd", binary))


def compiled_in():
    """Headers outside of this tree."""
    for line in said("ninja", "-C", BUILD, "-t", "deps").splitlines():
        path = line.strip()
        if path.startswith("/usr/include/"):
            yield path


def component(package, scope):
    name, version, architecture, source, homepage = said(
        "dpkg-query", "-W", "-f", "${Package}\t${Version}\t${Architecture}\t${source:Package}\t${Homepage}", package
    ).split("\t")
    purl = "pkg:deb/debian/%s@%s?arch=%s" % (name, version.replace("+", "%2B").replace(":", "%3A"), architecture)
    made = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl,
            "properties": [{"name": "debian:source", "value": source}, {"name": "bobbin:scope", "value": scope}]}
    if homepage:
        made["externalReferences"] = [{"type": "website", "url": homepage}]
    return made


def main():
    dynamic = packages_of(loaded())
    headers = packages_of(compiled_in())
    components = [component(package, "loaded") for package in sorted(dynamic)]
    components += [component(package, "compiled in") for package in sorted(headers - dynamic)]
    if not components:
        sys.exit("sbom.py: dpkg knows none of the libraries of %s" % ", ".join(BINARIES))
    root = {"type": "application", "bom-ref": "pkg:generic/%s@%s" % (NAME, VERSION), "name": NAME, "version": VERSION,
            "licenses": [{"license": {"id": "Apache-2.0"}}]}
    document = {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": root},
        "components": components,
        "dependencies": [{"ref": root["bom-ref"], "dependsOn": [c["bom-ref"] for c in components]}],
    }
    with open(OUTPUT, "w") as file:
        json.dump(document, file, indent=1)
        file.write("\n")


main()
