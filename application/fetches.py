"""Which offers of one document are fetched here, and when those are that another node has taken."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

import trio

from application.fetching import Fetch
from application.world import World
from domain.commands import TakeOffer
from domain.document import Document
from domain.offers import Offer


class Fetches:
    def __init__(self, key: str, world: World) -> None:
        self._key = key
        self._world = world
        self._begun: dict[str, Fetch] = {}
        self._taken: dict[str, TakeOffer] = {}  # whose callbacks came here

    def __bool__(self) -> bool:
        """Whether any is under way."""
        return bool(self._begun)

    def take(self, callback: TakeOffer) -> None:
        """It is fetched here from now on, whoever else does; a repeat brings fresh urls."""
        self._taken[callback.offer] = callback
        if fetch := self._begun.get(callback.offer):
            fetch.renew(callback)

    def begin(self, document: Document | None, *, ours: bool) -> Iterator[Fetch]:
        """Those that are to run from now on. One whose offer is settled comes to its end by itself."""
        offers = document.offers if document else {}
        self._begun = {id_: fetch for id_, fetch in self._begun.items() if id_ in offers}
        self._taken = {id_: callback for id_, callback in self._taken.items() if id_ in offers}
        filetype = document.filetype if document else ""
        for id_, offer in offers.items():
            if id_ not in self._begun and self._due_at(offer, ours) <= trio.current_time():
                self._begun[id_] = fetch = Fetch(self._key, offer.fact, self._world, filetype)
                if id_ in self._taken:
                    fetch.renew(self._taken[id_])
                yield fetch

    def due_at(self, document: Document | None, *, ours: bool) -> float:
        """When the next of them begins."""
        offers = document.offers if document else {}
        waiting = (offer for id_, offer in offers.items() if id_ not in self._begun)
        return min((self._due_at(offer, ours) for offer in waiting), default=inf)

    def _due_at(self, offer: Offer, ours: bool) -> float:
        """The node that took a callback fetches it; if it has died, the one whose document it is."""
        if offer.fact.offer in self._taken or self._world.nodes.others == 0:
            return -inf
        if not ours:
            return inf
        age = (self._world.now() - offer.fact.at).total_seconds()
        return trio.current_time() + self._world.patience.budget - age
