# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Runs one of bcc's tools, lets it load its programs without attaching them, and audits what it has loaded.

usage: audit_bcc.py TOOL [ARGUMENT...], with MAPRACE, OUT and WAIT (seconds) in the environment; for audit-bcc.sh
"""
import os
import re
import runpy
import subprocess
import sys
import threading
import time

from bcc import BPF

failed = []
began = threading.Event()


def load_only(prog_type):
    """In place of attach_*(): the function's name is an argument of that name, or the last text."""

    def attach(self, *args, **named):
        name = named.get("fn_name") or next((a for a in reversed(args) if isinstance(a, (str, bytes))), None)
        try:
            self.load_func(name.encode() if isinstance(name, str) else name, prog_type)
        except Exception as why:  # one that this kernel refuses
            failed.append(f"{name}: {why}")
        return self

    return attach


for method, prog_type in {
    "attach_kprobe": BPF.KPROBE,
    "attach_kretprobe": BPF.KPROBE,
    "attach_uprobe": BPF.KPROBE,
    "attach_uretprobe": BPF.KPROBE,
    "attach_tracepoint": BPF.TRACEPOINT,
    "attach_raw_tracepoint": BPF.RAW_TRACEPOINT,
    "attach_perf_event": BPF.PERF_EVENT,
    "attach_perf_event_raw": BPF.PERF_EVENT,
}.items():
    setattr(BPF, method, load_only(prog_type))
for count in ("num_open_kprobes", "num_open_tracepoints", "num_open_uprobes"):
    setattr(BPF, count, lambda self: 1)
for method in ("detach_kprobe", "detach_kretprobe", "detach_tracepoint"):
    setattr(BPF, method, lambda self, *args, **named: None)
# the forms that do without fentry; nothing is attached, so any function will do
BPF.support_kfunc = BPF.support_lsm = staticmethod(lambda: False)
BPF.get_kprobe_functions = staticmethod(lambda pattern: [b"vfs_read"])
BPF.ksymname = staticmethod(lambda name: 1)
BPF.tracepoint_exists = staticmethod(lambda category, event: True)

original = BPF.__init__


def init(self, *args, **named):
    original(self, *args, **named)
    began.set()


BPF.__init__ = init


def programs():
    found = set()
    for fd in os.listdir("/proc/self/fdinfo"):
        try:
            with open("/proc/self/fdinfo/" + fd) as info:
                found.update(re.findall(r"^prog_id:\s*(\d+)", info.read(), re.M))
        except OSError:
            pass
    return sorted(found, key=int)


def finish(why):
    ids = programs()
    if ids:
        chosen = [word for i in ids for word in ("--prog", i)]
        subprocess.run([os.environ["MAPRACE"], "bpf", "audit", "-q", "-o", os.environ["OUT"], *chosen], env={}, stdout=subprocess.DEVNULL)
    print(f"{len(ids)} programs, {len(failed)} refused ({why})", file=sys.__stderr__, flush=True)
    os._exit(0)


def wait():
    began.wait(60)
    time.sleep(float(os.environ.get("WAIT", "3")))
    finish("loaded")


sys.argv = sys.argv[1:]
threading.Thread(target=wait, daemon=True).start()
sys.stdout = open(os.devnull, "w")
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
    finish("it has ended")
except SystemExit as status:
    finish(f"status {status}")
except BaseException as why:
    finish(f"{type(why).__name__}: {why}")
