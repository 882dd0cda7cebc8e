"""The system calls that the wall forbids: a compiled seccomp filter for bubblewrap, a profile for containers.

Forbidden is what a student's notebook has no use for and an attack has: new namespaces and mounts, looking
into other processes, memory outside of the accounts, leaving things in the kernel for the next submission,
and changing the limits or the scheduling of the fork server.
"""

import json
import tempfile
from dataclasses import dataclass
from functools import cache

CLONE_NEWUSER = 1 << 28
EPERM, ENOSYS = 1, 38
FORBIDDEN = (
    *("ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp", "perf_event_open", "bpf"),
    *(
        "mount",
        "umount2",
        "pivot_root",
        "move_mount",
        "open_tree",
        "fsopen",
        "fsmount",
        "fsconfig",
        "mount_setattr",
    ),
    *("chroot", "unshare", "setns", "name_to_handle_at", "open_by_handle_at", "fanotify_init", "userfaultfd"),
    *(
        "memfd_create",
        "memfd_secret",
        "shmget",
        "semget",
        "msgget",
        "mq_open",
        "add_key",
        "request_key",
        "keyctl",
    ),
    *("io_uring_setup", "io_uring_enter", "io_uring_register", "personality", "modify_ldt", "acct", "swapon"),
    *("swapoff", "reboot", "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module"),
    *("syslog", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname"),
    *(
        "setpriority",
        "sched_setaffinity",
        "sched_setscheduler",
        "sched_setparam",
        "sched_setattr",
        "ioprio_set",
    ),
    *(
        "quotactl",
        "vhangup",
        "lookup_dcookie",
        "iopl",
        "ioperm",
        "migrate_pages",
        "move_pages",
        "process_madvise",
    ),
)


@dataclass(frozen=True)
class Rule:
    """A system call that fails.

    Args:
        errno: the error that it gives.
        arguments: if not empty, it fails only where all of them hold: the argument's number, libseccomp's
            name of a comparison, and one or two values (for MASKED_EQ, the mask and what it leaves).
    """

    name: str
    errno: int = EPERM
    arguments: tuple[tuple[int, str, int, int], ...] = ()


def rules() -> list[Rule]:
    """All that is forbidden."""
    found = [Rule(name) for name in FORBIDDEN]
    found.append(Rule("clone", EPERM, ((0, "MASKED_EQ", CLONE_NEWUSER, CLONE_NEWUSER),)))
    found.append(Rule("clone3", ENOSYS))  # its flags lie in memory; libc falls back to clone
    for option in (7, 8, 32, 33):  # SO_SNDBUF, SO_RCVBUF, and both by force: memory of the kernel's
        found.append(Rule("setsockopt", EPERM, ((1, "EQ", 1, 0), (2, "EQ", option, 0))))
    found.append(Rule("prlimit64", EPERM, ((0, "NE", 0, 0),)))  # the limits of another process
    return found


def profile() -> str:
    """The rules as JSON, as Podman and Docker read them; they leave out calls that this Linux lacks."""
    calls = [
        {
            "names": [rule.name],
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": rule.errno,
            "args": [
                {"index": index, "op": f"SCMP_CMP_{name}", "value": value, "valueTwo": second}
                for index, name, value, second in rule.arguments
            ],
        }
        for rule in rules()
    ]
    return json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": calls})


@cache
def compiled() -> bytes:
    """The filter's program.

    Raises:
        OSError: if libseccomp is not installed.
    """
    import pyseccomp

    made = pyseccomp.SyscallFilter(defaction=pyseccomp.ALLOW)
    for rule in rules():
        if _number(pyseccomp, rule.name) is None:
            continue
        arguments = [
            pyseccomp.Arg(index, getattr(pyseccomp, name), value, second)
            for index, name, value, second in rule.arguments
        ]
        made.add_rule(pyseccomp.ERRNO(rule.errno), rule.name, *arguments)
    with tempfile.TemporaryFile() as file:
        made.export_bpf(file)
        file.seek(0)
        return file.read()


def _number(pyseccomp: object, name: str) -> int | None:
    """The system call's number here; None where this processor's Linux does not have it."""
    try:
        number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)  # type: ignore[attr-defined]
    except ValueError:
        return None
    return number if number >= 0 else None
