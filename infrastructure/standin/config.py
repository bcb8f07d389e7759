"""The stand-in's settings: every delay and limit of the server it plays, in seconds unless said."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

VERSION = "9.3.0.140"


@dataclass(frozen=True, slots=True)
class StandinConfig:
    """The defaults are those of the real server, except that an assembly takes it seconds."""

    host: str = "127.0.0.1"
    port: int = 0
    secret: str = field(default_factory=lambda: token_hex(32), repr=False)
    jwt: bool = True
    as_origin: bool = True  # assemblyFormatAsOrigin: without it a txt file comes back as docx
    save_delay: float = 5.0  # from the last editor's leaving to the final save
    assembly_delay: float = 0.2
    auto_assembly: float | None = None
    outdated_window: float = 300.0  # how long a saved key answers "version changed"
    url_lifetime: float = 900.0
    result_lifetime: float = 24 * 3600.0  # of a file in the folder after its url; in memory it goes earlier
    cache_lifetime: float = 24 * 3600.0
    callback_timeout: float = 600.0
    retry_pauses: tuple[float, ...] = (1.0, 2.0, 4.0)
    fetch_attempts: int = 3
    fetch_pause: float = 1.0
    fetch_timeout: float = 120.0
    fetch_limit: int = 100 * 1024 * 1024  # bytes
    ping_interval: float = 25.0
    ping_timeout: float = 20.0
    stop_grace: float = 8.0
    restart_pause: float = 3.0  # before a final callback that a crash cut off is sent again
    folder: Path | None = None  # for what survives the process; nothing does without it
    control: bool = False  # faults on demand, and a list of what was offered
    parent: int | None = None
    linger: float = 600.0

    def result_type(self, filetype: str) -> str:
        return "docx" if filetype == "txt" and not self.as_origin else filetype

    @property
    def signing_secret(self) -> str | None:
        return self.secret if self.jwt else None
