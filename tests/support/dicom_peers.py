"""DICOM nodes we did not write, on loopback: dcmtk's storescp, wlmscpfs and dcmqrscp, and Orthanc."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from probes.testing.certificates import Authority, Pair

ORTHANC_PLUGINS = Path("/usr/share/orthanc/plugins")
TITLE = "WWPEER"
_WORKLIST = """\
(0008,0005) CS [ISO_IR 100]
(0010,0010) PN [{name}]
(0010,0020) LO [{patient}]
(0020,000d) UI [1.2.276.0.7230010.3.2.101]
(0040,0100) SQ
(fffe,e000) -
(0008,0060) CS [MR]
(0040,0001) AE [WARDWATCH]
(0040,0002) DA [{day:%Y%m%d}]
(0040,0003) TM [080000]
(0040,0009) SH [SPD1]
(fffe,e00d) -
(fffe,e0dd) -
(0040,1001) SH [RP1]
(0040,0253) SH [x]
(0032,1060) LO [EXAM]
(0020,0010) SH [S1]
(0008,0050) SH [A1]
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _serving(words: Sequence[str], folder: Path, ports: Sequence[int]) -> Iterator[None]:
    """A server as a process, until it listens on all of its ports; it is ended by its own id."""
    log = folder / "output.log"
    # Not with its descriptors: a child that dcmtk forks for an association must end with it.
    with log.open("wb") as output:
        process = subprocess.Popen(
            words, stdout=output, stderr=output, cwd=folder, start_new_session=True
        )
    try:
        until = time.monotonic() + 20
        for port in ports:
            while True:
                assert process.poll() is None, log.read_text(errors="replace")
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                except OSError:
                    assert time.monotonic() < until, log.read_text(errors="replace")
                    time.sleep(0.02)
                else:
                    break
        yield
    finally:
        os.killpg(process.pid, 9)
        process.wait()


@contextmanager
def storescp(folder: Path, *options: str) -> Iterator[int]:
    """dcmtk's storescp, single process; yields the port."""
    port = _free_port()
    with _serving(["storescp", *options, "-aet", TITLE, str(port)], folder, [port]):
        yield port


def with_tls(server: Pair, authority: Authority) -> tuple[str, ...]:
    """Options of storescp: TLS, and a certificate of ours is asked for."""
    return ("+tls", server.key, server.cert, "+cf", authority.ca)


@contextmanager
def wlmscpfs(folder: Path, day: date, *options: str) -> Iterator[int]:
    """dcmtk's worklist server with one entry, of the patient ZZNOMATCH-NOT, today; yields the port."""
    worklist = folder / TITLE
    worklist.mkdir()
    (worklist / "lockfile").touch()
    write_worklist(worklist, day)
    port = _free_port()
    words = ["wlmscpfs", "-dfr", *options, "-dfp", str(folder), str(port)]
    with _serving(words, folder, [port]):
        yield port


def write_worklist(folder: Path, day: date, patient: str = "ZZNOMATCH-FOUND") -> None:
    """One scheduled procedure as Orthanc and wlmscpfs read it."""
    dump = folder / "one.dump"
    dump.write_text(_WORKLIST.format(patient=patient, name="ZZTEST^ROSALIND", day=day))
    subprocess.run(["dump2dcm", "-q", str(dump), str(folder / "one.wl")], check=True)
    dump.unlink()


@contextmanager
def dcmqrscp(folder: Path) -> Iterator[int]:
    """dcmtk's archive, empty, strict about identifiers, for the calling title WARDWATCH alone; yields
    the port.
    """
    port = _free_port()
    (folder / "db").mkdir()
    config = folder / "dcmqrscp.cfg"
    config.write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
        "HostTable BEGIN\nus = (WARDWATCH, 127.0.0.1, 11112)\nHostTable END\n"
        "VendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\n{TITLE} {folder}/db RW (9, 1024mb) us\nAETable END\n"
    )
    with _serving(["dcmqrscp", "-XF", "-dhl", "-c", str(config)], folder, [port]):
        yield port


@dataclass(frozen=True, slots=True)
class Orthanc:
    """`dicom` and `http` are ports; QIDO-RS stands at `dicom_web`."""

    dicom: int
    http: int

    @property
    def dicom_web(self) -> str:
        return f"http://127.0.0.1:{self.http}/dicom-web"


@contextmanager
def orthanc(
    folder: Path, day: date, tls: tuple[Pair, Authority] | None = None
) -> Iterator[Orthanc]:
    """With its plugins for worklists and DICOMweb, and its own ideas of who may associate; with `tls`
    its DICOM asks for a certificate of ours.
    """
    dicom, http = _free_port(), _free_port()
    worklists = folder / "worklists"
    worklists.mkdir()
    write_worklist(worklists, day)
    config = folder / "orthanc.json"
    secured = {} if tls is None else _secured(*tls)
    config.write_text(
        json.dumps(
            {
                "Name": "peer",
                "StorageDirectory": str(folder / "db"),
                "IndexDirectory": str(folder / "db"),
                "DicomAet": TITLE,
                "DicomPort": dicom,
                "DicomCheckCalledAet": True,
                "DicomAlwaysAllowEcho": True,
                "DicomAlwaysAllowFind": False,
                "DicomModalities": {"us": ["WARDWATCH", "127.0.0.1", 11112]},
                "HttpPort": http,
                "RemoteAccessAllowed": False,
                "Plugins": [
                    str(ORTHANC_PLUGINS / "libModalityWorklists.so"),
                    str(ORTHANC_PLUGINS / "libOrthancDicomWeb.so"),
                ],
                "Worklists": {"Enable": True, "Database": str(worklists)},
                "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
                **secured,
            }
        )
    )
    with _serving(["Orthanc", str(config)], folder, [dicom, http]):
        yield Orthanc(dicom, http)


def _secured(server: Pair, authority: Authority) -> dict[str, object]:
    return {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": server.cert,
        "DicomTlsPrivateKey": server.key,
        "DicomTlsTrustedCertificates": authority.ca,
    }
