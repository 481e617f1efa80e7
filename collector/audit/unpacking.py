"""An audit pack as a folder: only the plain files that a pack has, whatever was sent."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path
from typing import BinaryIO

_NAME = re.compile(r"((populations|samples)/[a-z_]+\.csv|controls\.csv|index\.json|README\.txt)")


class BadPackError(Exception):
    """What came is no audit pack."""


def unpack(pack: BinaryIO, folder: Path) -> None:
    """Into a new folder, which goes again where that fails; BadPackError, OSError."""
    folder.mkdir(mode=0o700)
    try:
        with zipfile.ZipFile(pack) as read:
            for info in read.infolist():
                _refuse(info)
                place = folder / info.filename
                place.parent.mkdir(mode=0o700, exist_ok=True)
                with read.open(info) as entry, place.open("xb") as file:
                    shutil.copyfileobj(entry, file)
    except (zipfile.BadZipFile, EOFError, RuntimeError, ValueError):  # all that damage raises
        shutil.rmtree(folder)
        raise BadPackError from None
    except BaseException:
        shutil.rmtree(folder)
        raise


def _refuse(info: zipfile.ZipInfo) -> None:
    if info.compress_type != zipfile.ZIP_STORED or not _NAME.fullmatch(info.filename):
        raise BadPackError
