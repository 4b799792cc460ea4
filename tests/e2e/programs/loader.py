# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# As loader.c; its input may be a file with a name.
import ctypes
import sys

libraries = []
print("ready", flush=True)
for line in open(sys.argv[1]) if len(sys.argv) > 1 else sys.stdin:
    racy, path = line.split()
    libraries.append(ctypes.CDLL(path))
    libraries[-1].Start(int(racy))
    print("loaded", path, flush=True)
