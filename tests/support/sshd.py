"""OpenSSH's own `sshd` on loopback: an unprivileged process with its own host key, and its SFTP.

As root it is run as `www-data`, who is then the account that signs in. It is stopped by its process id.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

SSHD = "/usr/sbin/sshd"
CONFIG = """\
ListenAddress 127.0.0.1:{port}
HostKey {folder}/{host_key}
AuthorizedKeysFile {folder}/client.pub
PidFile none
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
LogLevel VERBOSE
Subsystem sftp internal-sftp
{more}
"""


@dataclass
class Sshd:
    """`files` is the folder of the account's own where tests put files."""

    folder: Path
    files: Path
    user: str
    port: int
    fingerprints: dict[str, str]
    """By the name of the host key."""
    process: subprocess.Popen[bytes]

    @property
    def key(self) -> bytes:
        """The client's private key."""
        return (self.folder / "client").read_bytes()

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace")


@contextmanager
def an_sshd(host_key: str = "ed25519", more: str = "") -> Iterator[Sshd]:
    if not Path(SSHD).exists():
        pytest.fail("openssh-server is not installed: run `make setup`")
    folder = Path(tempfile.mkdtemp(prefix="ww-sshd-"))
    try:
        with _running(folder, host_key, more) as one:
            yield one
    finally:
        shutil.rmtree(folder)


@contextmanager
def _running(folder: Path, host_key: str, more: str) -> Iterator[Sshd]:
    entry = pwd.getpwnam("www-data") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    prints = {name: _keygen(folder, name) for name in ("ed25519", "rsa", "client")}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    files = folder / "files"
    files.mkdir()
    (folder / "config").write_text(
        CONFIG.format(port=port, folder=folder, host_key=host_key, more=more)
    )
    (folder / "log").touch()
    for path in [folder, *folder.iterdir()]:
        os.chown(path, entry.pw_uid, entry.pw_gid)
    command = [SSHD, "-D", "-f", str(folder / "config"), "-E", str(folder / "log")]
    if os.getuid() == 0:
        command = [
            "setpriv",
            f"--reuid={entry.pw_uid}",
            f"--regid={entry.pw_gid}",
            "--clear-groups",
            "--pdeathsig=TERM",
            "--",
            *command,
        ]
    process = subprocess.Popen(command)
    one = Sshd(folder, files, entry.pw_name, port, prints, process)
    try:
        while "Server listening" not in one.log:
            if process.poll() is not None:
                pytest.fail(f"sshd did not start:\n{one.log}")
            time.sleep(0.02)
        yield one
    finally:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _keygen(folder: Path, name: str) -> str:
    kind = "rsa" if name == "rsa" else "ed25519"
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(path)], check=True)
    printed = subprocess.run(
        ["ssh-keygen", "-lf", str(path)], check=True, capture_output=True, text=True
    )
    return printed.stdout.split()[1]
