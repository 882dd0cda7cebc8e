"""The system calls that the wall forbids, as a compiled seccomp filter for bubblewrap.

Forbidden is what a student's notebook has no use for and an attack has: new namespaces and mounts, looking
into other processes, memory outside of the accounts, leaving things in the kernel for the next submission,
and changing the limits or the scheduling of the fork server.
"""

import tempfile
from functools import cache

CLONE_NEW = 0x7E020080  # all CLONE_NEW* flags
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


@cache
def compiled() -> bytes:
    """The filter's program.

    Raises:
        OSError: if libseccomp is not installed.
    """
    import pyseccomp

    rules = pyseccomp.SyscallFilter(defaction=pyseccomp.ALLOW)
    for name in FORBIDDEN:
        if _number(pyseccomp, name) is not None:
            rules.add_rule(pyseccomp.ERRNO(EPERM), name)
    masked = pyseccomp.Arg(0, pyseccomp.MASKED_EQ, CLONE_NEW & (1 << 28), 1 << 28)  # CLONE_NEWUSER
    rules.add_rule(pyseccomp.ERRNO(EPERM), "clone", masked)
    rules.add_rule(pyseccomp.ERRNO(ENOSYS), "clone3")  # its flags lie in memory; libc falls back to clone
    for option in (7, 8, 32, 33):  # SO_SNDBUF, SO_RCVBUF, and both by force: memory of the kernel's
        level, name = pyseccomp.Arg(1, pyseccomp.EQ, 1), pyseccomp.Arg(2, pyseccomp.EQ, option)
        rules.add_rule(pyseccomp.ERRNO(EPERM), "setsockopt", level, name)
    other = pyseccomp.Arg(0, pyseccomp.NE, 0)
    rules.add_rule(pyseccomp.ERRNO(EPERM), "prlimit64", other)
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def _number(pyseccomp: object, name: str) -> int | None:
    """The system call's number here; None where this processor's Linux does not have it."""
    try:
        number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)  # type: ignore[attr-defined]
    except ValueError:
        return None
    return number if number >= 0 else None
