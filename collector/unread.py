"""Secrets of channels and keys of the logs that cannot be read on this host, for `config check`. Pure.

The file may be checked on another host than the collector's: so this is a remark, never an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from alerts.channels import registry
from alerts.secrets import references
from probes.config import Config

MISSING = "no such file on this host (create it where the collector runs, readable for its user)"
CLOSED = "a file this user may not read (let the collector's user read it)"
UNSET = "a variable that is not set here (set it for the collector)"
EMPTY = "an empty secret (write the secret there, and nothing else)"
BROKEN = "a file that is larger than any secret, or none (write the secret alone there)"


def remarks(config: Config, read_secret: Callable[[str], bytes]) -> list[str]:
    """A sentence for each thing that is wrong, with the channels and fields of which it is."""
    found: dict[str, list[str]] = {}
    for name, channel in config.channels.items():
        settings = registry.load(channel.kind).parse(channel.model_extra or {})
        for path, reference in (*references(channel), *references(settings)):
            wrong = _wrong(reference, read_secret)
            if wrong is not None:
                found.setdefault(wrong, []).append(".".join((name, *path)))
    return [
        *(
            f"secrets of channels: {wrong}: {', '.join(places)}"
            for wrong, places in sorted(found.items())
        ),
        *_log_keys(config, read_secret),
    ]


def _log_keys(config: Config, read_secret: Callable[[str], bytes]) -> Iterator[str]:
    """A token is asked nothing here: a PIN that is wrong may lock it."""
    for place, key in enumerate(config.evidence_log.keys if config.evidence_log else ()):
        reference = key if isinstance(key, str) else key.pkcs11.pin
        wrong = _wrong(reference, read_secret)
        if wrong is not None:
            what = "key" if isinstance(key, str) else "PIN"
            yield f"evidence_log.keys[{place}]: its {what}: {wrong}; until it is there nothing is signed"


def _wrong(reference: str, read_secret: Callable[[str], bytes]) -> str | None:
    try:
        return None if read_secret(reference).strip() else EMPTY
    except KeyError:
        return UNSET
    except (FileNotFoundError, NotADirectoryError):
        return MISSING
    except PermissionError:
        return CLOSED
    except OSError:
        return BROKEN
