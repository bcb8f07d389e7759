"""Judgement of what things are kept in: disks, blob store, database, log, counters, and what is elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from application.doctor.checks import Check, fail, ok, warn
from application.doctor.seen import BlobTrip, Counting, Database, Disk, Leftovers, Postgres, Setup
from application.telling import count_of, size_of

SLOW = 0.25  # seconds for one small durable write: each save makes several
ROOMY = 10  # of the largest files
HUGE_WAL = 1024**3  # bytes
LATE = timedelta(minutes=10)  # beyond the pause between two checkpoints


def judge_disks(setup: Setup, disks: Sequence[Disk]) -> Check:
    name, most = "disk", setup.max_file_bytes
    for disk in disks:
        if disk.trouble:
            return fail(
                name,
                f"Nothing can be written to {disk.path} ({disk.setting}): {disk.trouble}.",
                f"Give the service's user a folder with room that it may write to: {disk.setting}.",
            )
    least = min(disks, key=lambda disk: disk.free)
    slowest = max(disks, key=lambda disk: disk.sync)
    left = f"{size_of(least.free)} left in {least.path}"
    if least.free < most:
        return fail(
            name,
            f"{left}: not enough for one file of MAX_FILE_BYTES ({size_of(most)}).",
            "Make room there now.",
        )
    if least.free < ROOMY * most:
        return warn(
            name, f"{left}: enough for fewer than {ROOMY} files of MAX_FILE_BYTES.", "Make room there soon."
        )
    if slowest.sync > SLOW:
        return warn(
            name,
            f"A small durable write to {slowest.path} takes {slowest.sync * 1000:.0f} ms: saves are slow.",
            "Move DATA_DIR to a local disk, or see who else keeps this one busy.",
        )
    return ok(name, f"{left}; a small durable write takes {max(1, round(slowest.sync * 1000))} ms.")


def judge_blobs(trip: BlobTrip | None) -> Check:
    """None: there is no store yet."""
    name = "blob_store"
    if trip is None:
        return ok(name, "Not made yet: the first start does that.")
    if not trip.trouble:
        there = f" in {trip.objects}" if trip.objects else ""
        versions = " It keeps old versions: what we delete is gone only when a rule of its own says so."
        kept = f"A probe was kept{there}, read back whole, and discarded."
        return ok(name, kept + (versions if trip.versioned else ""))
    advice = "Mend the folder in BLOB_URL: it must exist, have room, and belong to the service's user."
    if trip.objects:
        advice = (
            f"Mend {trip.objects} (BLOB_URL) or its credentials in the environment: it must exist, and they"
            " must be allowed to read, write, list and delete there."
        )
    return fail(name, f"A probe could not be {trip.stage}: {trip.trouble}.", advice)


def judge_database(seen: Database) -> Check:
    name = "database"
    if not seen.exists:
        return ok(name, f"Not made yet: the first start makes {seen.path}.")
    if seen.unreadable or seen.flaw:
        return fail(
            name,
            f"{seen.path} is damaged: {seen.unreadable or seen.flaw}.",
            "Stop the service, keep a copy of the file, and restore the last backup.",
        )
    if seen.unwritable:
        return fail(
            name,
            f"{seen.path} cannot be written to: {seen.unwritable}.",
            "See who holds it, and that the service's user may write to the file and its folder.",
        )
    if seen.mode != "wal":
        return warn(
            name,
            f"{seen.path} is in the mode {seen.mode}, not WAL: readers stand in the way of saves.",
            "Restart the service; if it stays so, its file system cannot share memory: use a local disk.",
        )
    if seen.wal > HUGE_WAL:
        return warn(
            name,
            f"The write-ahead log of {seen.path} has grown to {size_of(seen.wal)}: a reader holds it.",
            "End whoever has read the database for hours: a shell, an export, a backup.",
        )
    looked = "Sound" if seen.whole else "Sound as far as was looked"
    return ok(name, f"{looked}, can be written to, {size_of(seen.size + seen.wal)}.")


def judge_log(setup: Setup, seen: Database | Postgres) -> Check:
    name = "log"
    if seen.unreadable:
        return warn(name, "Not looked at: the database cannot be read.", "See the check database.")
    if seen.uncovered_for > timedelta(seconds=setup.checkpoint_seconds) + LATE:
        return warn(
            name,
            f"{count_of(seen.uncovered, 'fact')} of {seen.facts} wait for a checkpoint,"
            f" the first for {_said(seen.uncovered_for)}.",
            "Start the service; if it runs, its log says why it cannot sign (CHECKPOINT_KEY).",
        )
    rest = f"{seen.uncovered} wait for the next checkpoint" if seen.uncovered else "all under checkpoints"
    return ok(name, f"{count_of(seen.facts, 'fact')}, {rest}." if seen.facts else "Nothing is recorded yet.")


def judge_verified(findings: int, facts: int, trouble: str = "") -> Check:
    """Of the whole log, when that was asked for."""
    if trouble:
        return warn("log", f"It cannot be verified: {trouble}.", "Run `docledger verify`, which says more.")
    if findings:
        return fail(
            "log",
            f"{count_of(findings, 'finding')} in {count_of(facts, 'fact')}: it was changed.",
            "Run `docledger verify`, which names every fact concerned.",
        )
    return ok("log", f"{count_of(facts, 'fact')} verified: nothing found.")


def judge_counting(seen: Counting) -> Check:
    name = "rate_limit"
    if not seen.where:
        return ok(name, "Requests are counted in memory, by each process for itself.")
    if seen.trouble:
        return warn(
            name,
            f"{seen.where} does not count requests: {seen.trouble}. So each process counts for itself.",
            "Start Redis, or correct RATE_LIMIT_URL.",
        )
    return ok(name, f"{seen.where} counts requests, and answers in {max(1, round(seen.seconds * 1000))} ms.")


def judge_leftovers(seen: Leftovers) -> Check:
    name = "undelivered_saves"
    if seen.unreadable:
        return fail(
            name,
            f"What is known of {count_of(seen.unreadable, 'save')} cannot be read (sidecars/*.unreadable).",
            "Keep these files: they name the bytes in the blob store that belong to them.",
        )
    found = [
        (
            seen.forgotten,
            "at the Document Server, which gave up delivering",
            "Look again in FORGOTTEN_SECONDS",
        ),
        (seen.waiting, "waiting for the log to take them", "Mend what the check database says"),
        (seen.overflow, "in the overflow, beside the blob store", "Mend what the check blob store says"),
        (seen.quarantined, "in quarantine", "Read the notes in quarantine/ of the blob store"),
    ]
    left = [(count, where, remedy) for count, where, remedy in found if count]
    if left:
        told = "; ".join(f"{count} {where}" for count, where, _ in left)
        return warn(name, f"Saves that are safe, but not in their place: {told}.", f"{left[0][2]}.")
    if seen.forgotten is None:
        return ok(name, "None here; the Document Server could not be asked.")
    return ok(name, "None, neither here nor at the Document Server.")


def _said(age: timedelta) -> str:
    seconds = max(0, age.total_seconds())
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
