"""A PostgreSQL of the tests' own dies as real ones do, and keeps what it said it had."""

from __future__ import annotations

import psycopg
import pytest

from tests.engines.postgres import Postgres


def rows(url: str) -> list[int]:
    with psycopg.connect(url, connect_timeout=5) as connection:
        return [row[0] for row in connection.execute("SELECT n FROM kept ORDER BY n")]


@pytest.fixture
def url(postgres_database: str) -> str:
    with psycopg.connect(postgres_database) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (1)")
    return postgres_database


def test_a_kill_keeps_committed_rows_and_no_others(postgres: Postgres, url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO kept VALUES (2)")
        connection.commit()
        connection.execute("INSERT INTO kept VALUES (3)")
        postgres.kill()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    postgres.start()
    assert rows(url) == [1, 2]


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_it_stops_under_its_clients_and_starts_again_on_the_same_port(
    postgres: Postgres, url: str, mode: str
) -> None:
    with psycopg.connect(url) as connection:
        postgres.restart(mode)  # type: ignore[arg-type]
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert rows(url) == [1]


def test_its_backends_end_at_a_word(postgres: Postgres, url: str) -> None:
    with psycopg.connect(url) as connection:
        assert postgres.terminate_backends() == 1
        with pytest.raises(psycopg.errors.AdminShutdown):
            connection.execute("SELECT 1")
    assert rows(url) == [1]


def test_paused_it_answers_nobody_and_afterwards_everybody(postgres: Postgres, url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        postgres.pause()
        connection.pgconn.send_query(b"INSERT INTO kept VALUES (2)")
        with pytest.raises(psycopg.errors.ConnectionTimeout):
            psycopg.connect(url, connect_timeout=2)
        assert connection.pgconn.is_busy()
        postgres.resume()
        assert connection.pgconn.get_result()
        connection.pgconn.get_result()
    assert rows(url) == [1, 2]


def test_it_writes_through_to_the_disk_and_sorts_as_people_do(url: str) -> None:
    with psycopg.connect(url) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert connection.execute(f"SHOW {setting}").fetchone() == ("on",)
        assert connection.execute("SELECT 'a' < 'B', 'b' > 'B'").fetchone() == (True, False)


def test_each_test_has_a_database_of_its_own(postgres: Postgres, url: str) -> None:
    other = postgres.create_database()
    with psycopg.connect(other) as connection, pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("SELECT * FROM kept")
    postgres.drop_database(other)
