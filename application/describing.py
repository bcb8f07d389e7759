"""What is true of a document or a file, as JSON can hold it and people can read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from application.plain import to_plain
from domain.document import Document
from domain.file import EVERYBODY, File
from domain.offers import Offer

Plain = dict[str, Any]


def described_document(document: Document, *, addresses: bool = True) -> Plain:
    """Everything that it decides on, in an order that does not depend on chance."""
    return {
        "file": document.file,
        "name": document.name,
        "filetype": document.filetype,
        "owner": _person(document.owner, document.names),
        "opened": to_plain(document.opened_at),
        "base": document.base,
        "head": document.head,
        "standing": document.standing,
        "closed": to_plain(document.closed),
        "editing": [_person(user, document.names) for user in sorted(document.users)],
        "sent_out": [_person(user, document.names) for user in sorted(document.sent_out)],
        "let_in": [
            {"user": _person(user, document.names), "mode": mode, "address": address if addresses else None}
            for user, mode, address in sorted(document.admissions)
        ],
        "known_names": dict(sorted(document.names.items())),
        "last_let_in_to_edit": to_plain(document.admitted_at),
        "last_joined": to_plain(document.joined_at),
        "editing_since": to_plain(document.editing_since),
        "last_saved": to_plain(document.saved_at),
        "edited_since_final": document.touched,
        "kept_at_server": document.kept_there,
        "finishing": document.finishing,
        "waiting": [_offer(offer) for offer in _in_order(document)],
        "settled": [
            {"offer": offer, **to_plain(settled)}
            for offer, settled in sorted(document.settled.items(), key=lambda item: (item[1].at, item[0]))
        ],
        "offered": document.offered,
        "crown": _crown(document),
        "last_word": to_plain(document.last_word),
        "versions": [
            {"version": number, "sha256": sha256}
            for sha256, number in sorted(document.versions.items(), key=lambda item: (item[1], item[0]))
        ],
        "trouble": to_plain(document.trouble),
    }


def described_file(file: File) -> Plain:
    return {
        "name": file.name,
        "owner": {"id": file.owner, "name": file.owner_name},
        "head": file.head,
        "last": file.last,
        "sha256": file.sha256,
        "size": file.size,
        "changed": to_plain(file.changed_at),
        "shares": [
            {"user": "everybody" if user == EVERYBODY else user, "name": share.name, "access": share.access}
            for user, share in sorted(file.shares.items())
        ],
        "removed": file.removed,
    }


def _person(user: str, names: Mapping[str, str]) -> Plain:
    return {"id": user, "name": names.get(user, "")}


def _in_order(document: Document) -> list[Offer]:
    return sorted(document.offers.values(), key=lambda offer: offer.order)


def _offer(offer: Offer) -> Plain:
    fact = offer.fact
    return {
        "offer": fact.offer,
        "order": offer.order,
        "status": fact.status,
        "trigger": fact.trigger,
        "filetype": fact.filetype,
        "users": list(fact.users),
        "at": to_plain(fact.at),
        "lastsave": to_plain(offer.lastsave),
        "final": offer.final,
    }


def _crown(document: Document) -> Plain | None:
    """Of the offer that made the session's head: what another one must outrank."""
    if document.crown is None:
        return None
    lastsave, final, at, order = document.crown
    return {"lastsave": to_plain(lastsave), "final": final, "at": to_plain(at), "order": order}
