#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# slow_readers.py SOCKET PID [N]: N clients (32) of the daemon ask for /races and read nothing; says what the daemon takes.
import socket, sys, time

def rss(pid):
    return [int(l.split()[1]) >> 10 for l in open(f"/proc/{pid}/status") if l.startswith("VmRSS")][0]

def ask():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    s.connect(sys.argv[1])
    s.send(b"GET /races HTTP/1.1\r\nHost: a\r\n\r\n")
    return s

pid = int(sys.argv[2])
before = rss(pid)
one = ask()
size = 0
while True:
    got = one.recv(1 << 20)
    if not got:
        break
    size += len(got)
print(f"/races has {size >> 20} MB; resident before {before} MB, after one {rss(pid)} MB")
clients, most, begin = [], 0, time.time()
for i in range(int(sys.argv[3]) if len(sys.argv) > 3 else 32):
    clients.append(ask())
while time.time() - begin < 25 and most < 3000:
    most = max(most, rss(pid))
    time.sleep(0.2)
print(f"{len(clients)} that read nothing: {most} MB at most")
