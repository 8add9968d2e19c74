#!/usr/bin/python3
"""Checks every #include against the layer table below, which is the architecture in one screen.

Run: scripts/check_layers.py [ROOT]. Prints file:line: problem; exits 1 when it found any.
"""
import re
import sys
from pathlib import Path

OS = ("sys/", "netinet/", "asm/")
ASIO = ("boost/asio",)
PROTOBUF = ("google/protobuf/",)
LEVELDB = ("leveldb/",)
OPENSSL = ("openssl/",)
CLI = ("CLI/",)
LOGGING = ("spdlog/",)
JSON = ("nlohmann/",)

# layer: (layers of ours that it may include besides itself, libraries that it may include besides the standard one)
LAYERS = {
    "common/base":     ((), OS),
    "common/storage":  (("common/base",), LEVELDB + OS),
    "common/history":  (("common/base",), JSON),
    "common/net":      (("common/base", "proto"), ASIO + PROTOBUF + OS),
    "common/log":      (("common/base", "common/storage"), LEVELDB),
    "common/daemon":   (("common/base", "common/storage", "common/net"), ASIO + PROTOBUF + CLI + LOGGING + OS),
    "center/core":     (("common/base",), ()),
    "center/storage":  (("center/core", "common/base", "common/storage", "common/log", "proto"), LEVELDB + OPENSSL),
    "center/service":  (("center/core", "center/storage", "common/base", "common/storage", "common/net", "common/log",
                         "proto"), ()),
    "center":          (("center/service", "common/daemon"), ()),
    "manager/core":    (("common/base",), ()),
    "manager/storage": (("common/base", "common/storage"), ()),
    "manager/service": (("manager/core", "manager/storage", "common/base", "common/storage", "common/net", "proto"), ()),
    "manager":         (("manager/service", "common/daemon"), ()),
    "client":          (("common/base", "common/net"), ()),
    "client/commands": (("client", "center/service", "center/storage", "manager/service", "manager/storage", "common/base",
                         "common/storage", "common/history", "common/net", "common/daemon"),
                        ASIO + LEVELDB + CLI + JSON + OS),
}
NO_LAYER = ("tests/", "examples/", "build/")  # may include everything
PRODUCT = ("common/", "center/", "manager/", "client/")
# Only these speak to Asio, so that everything else runs in the simulator too.
ASIO_HOMES = re.compile(r"common/net/asio_|common/daemon/|[a-z]+/main\.cc$|client/commands/")
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')
GENERATED = ("version.h",)


def layer_of(path):
    """The longest layer name that is a folder prefix of `path`; None where no layer owns it."""
    names = [name for name in [*LAYERS, "proto", "tests"] if path.startswith(name + "/")]
    return max(names, key=len, default=None)


def problem_of(file, layer, quote, target):
    """Why `file` of `layer` may not include `target`, or None."""
    may, libraries = LAYERS[layer]
    if quote == '"':
        owner = layer_of(target)
        if target in GENERATED or owner == layer or owner in may:
            return None
        if owner is None:
            return f'include "{target}" by its path from the root'
        return f"{layer} may not include {owner} ({target})"
    if target.startswith("boost/asio") and not ASIO_HOMES.match(file):
        return f"only common/net/asio_*, common/daemon, main.cc and the commands know Asio (<{target}>)"
    if "/" in target and not target.startswith(libraries):
        return f"{layer} may not include <{target}>"
    return None


def problems(root):
    for top in PRODUCT:
        for file in sorted((root / top).rglob("*")):
            name = file.relative_to(root).as_posix()
            if file.suffix not in (".h", ".cc") or name.startswith(NO_LAYER):
                continue
            layer = layer_of(name)
            if layer is None:
                yield f"{name}:1: no layer owns this folder: add it to scripts/check_layers.py"
                continue
            for number, line in enumerate(file.read_text().splitlines(), 1):
                found = INCLUDE.match(line)
                problem = found and problem_of(name, layer, *found.groups())
                if problem:
                    yield f"{name}:{number}: {problem}"


if __name__ == "__main__":
    found = list(problems(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()))
    if found:
        print("\n".join(found))
    sys.exit(1 if found else 0)
