"""The operator's file of a command that asks about one receiver in it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable

from alerts.channels import registry
from probes.config import Config
from probes.configfile import ConfigErrors, load


def known(args: argparse.Namespace, names: Callable[[Config], Iterable[str]]) -> Config | None:
    """The file, which knows the name; None once it was said what is wrong."""
    try:
        config = load(args.config, channel_check=registry.check)
    except ConfigErrors as error:
        sys.stderr.write(f"{error}\n")
        return None
    if args.name not in names(config):
        there_are = ", ".join(names(config)) or "none"
        sys.stderr.write(f"NAME: no receiver of this id in {args.config}; it has: {there_are}\n")
        return None
    return config
