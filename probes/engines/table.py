"""Every engine by name, and how one is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from probes.engines import cloverleaf, generic, iguana, iris, mirth, openhim, rhapsody
from probes.engines.product import Product

PRODUCTS: Mapping[str, Product] = {
    one.name: one
    for one in (
        cloverleaf.PRODUCT,
        generic.PRODUCT,
        iguana.PRODUCT,
        iris.PRODUCT,
        mirth.PRODUCT,
        openhim.PRODUCT,
        rhapsody.PRODUCT,
    )
}


def known(name: str) -> str:
    """The name; ValueError for one that is none."""
    if name not in PRODUCTS:
        raise ValueError(f"write an engine: {', '.join(PRODUCTS)}")
    return name


def told(name: str) -> Iterator[str]:
    """Lines for people: what is assumed of the engine, and what to ask for."""
    product = PRODUCTS[name]
    yield f"{product.name}: {product.title}"
    yield product.basis
    yield f"Channel: {product.channel}"
    yield f"Tells: {', '.join(signs(product))}"
    yield "What to ask for:"
    yield from (f"  - {line}" for line in product.ask)
    yield "What is known:"
    yield from (f"  - {line}" for line in product.quirks)
    if product.states:
        yield "States:"
        width = max(map(len, product.states))
        yield from (f"  {word:<{width}}  {state}" for word, state in product.states.items())


def document(name: str) -> dict[str, Any]:
    """The same for programs."""
    product = PRODUCTS[name]
    return {
        "name": product.name,
        "title": product.title,
        "basis": product.basis,
        "channel": product.channel,
        "tells": list(signs(product)),
        "ask": list(product.ask),
        "quirks": list(product.quirks),
        "states": {word: state.value for word, state in product.states.items()},
    }


def signs(product: Product) -> list[str]:
    return sorted(product.tells)


def markdown() -> str:
    """Every engine, for the documents."""
    parts: list[str] = []
    for one in PRODUCTS.values():
        parts.append(f"### `{one.name}`: {one.title}\n")
        parts.append(f"{one.basis} `channel` is {one.channel}.\n")
        parts.append(f"Tells: {', '.join(f'`{sign}`' for sign in signs(one))}.\n")
        parts.append("What to ask for:\n")
        parts.append("\n".join(f"- {line}" for line in one.ask) + "\n")
        parts.append("What is known:\n")
        parts.append("\n".join(f"- {line}" for line in one.quirks) + "\n")
        if one.states:
            rows = [f"| `{word}` | {state} |" for word, state in one.states.items()]
            parts.append("\n".join(["| state | means |", "|---|---|", *rows]) + "\n")
    return "\n".join(parts).rstrip()
