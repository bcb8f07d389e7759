"""The doctor put together from the settings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from application.doctor.checks import Check
from application.doctor.doctor import Doctor
from application.doctor.examination import PATIENT, Examination
from application.doctor.landing import Board, Landing
from application.doctor.patience import Patience
from application.tokens import Tokens
from infrastructure.doctor.instruments import instruments
from infrastructure.doctor.setting_out import fingerprint, is_believed, setup_of
from infrastructure.journal import LedgerJournal
from infrastructure.journal.board import LedgerBoard
from infrastructure.kept import own_secret
from infrastructure.settings import Settings
from infrastructure.tokens import JwtTokens
from web.configured import Connection


def doctor_of(
    settings: Settings, connection: Connection, tokens: JwtTokens, journal: LedgerJournal
) -> Doctor:
    """Of the running service."""
    examining = partial(examine, settings, connection, tokens)
    board = LedgerBoard(journal, now) if settings.uses_postgres else None
    landing = landing_of(settings, tokens, board)
    return Doctor(landing, examining, now, fingerprint(settings, own_secret(settings)))


def landing_of(settings: Settings, tokens: Tokens, board: Board | None = None) -> Landing:
    return Landing(tokens, partial(is_believed, proxies=settings.trusted_proxies), board)


async def examine(
    settings: Settings,
    connection: Connection,
    tokens: JwtTokens,
    landing: Landing | None,
    patience: Patience = PATIENT,
) -> Sequence[Check]:
    secrets = {"secret": own_secret(settings), "document_server_secret": connection.secret}
    setup = setup_of(settings, connection.url, connection.internal_url, secrets)
    sign = tokens.sign_command if settings.document_server_jwt else None
    async with instruments(settings, setup, sign, patience) as look:
        return await Examination(look, landing, now, patience).run()


def now() -> datetime:
    return datetime.now(UTC)
