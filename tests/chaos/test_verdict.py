"""The verdict finds what went wrong: a check that cannot fail is worth nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tests.chaos.verdict import Offer, Records, Session, Verdict, Version, judge

KEY, OTHER = "ada-f-1", "bob-f-2"


def version(
    number: int,
    words: Sequence[int] = (),
    *,
    key: str | None = KEY,
    trigger: str = "command",
    head: bool = True,
    digest: str | None = None,
) -> Version:
    return Version(number, digest or f"bytes {sorted(words)}", trigger, head, key, frozenset(words))


def uploaded(number: int, words: Sequence[int] = ()) -> Version:
    return version(number, words, key=None, trigger="upload")


def conflict(number: int, words: Sequence[int], key: str = KEY) -> Version:
    return version(number, words, key=key, trigger="conflict", head=False)


def offer(words: Sequence[int], *, accepted: bool = True, key: str = KEY, path: str = "/1") -> Offer:
    return Offer(key, 6, path, f"bytes {sorted(words)}", accepted)


def given(
    *versions: Version,
    offers: Sequence[Offer] = (),
    typed: Mapping[int, str] | None = None,
    sessions: Mapping[str, Session] | None = None,
    uploads: Sequence[tuple[str, str]] = (),
) -> Verdict:
    known = sessions or {KEY: Session("f", base=1), OTHER: Session("f", base=1)}
    return judge(Records(known, {"f": versions}, offers, typed or {}, uploads))


def test_a_save_that_was_acknowledged_and_stored_is_fine() -> None:
    verdict = given(uploaded(1), version(2, [1]), offers=[offer([1])], typed={1: KEY})
    assert verdict.good
    assert verdict.acknowledged == 1


def test_a_save_that_was_acknowledged_and_is_in_no_version_is_lost() -> None:
    lost = offer([1, 2], path="/2")
    verdict = given(uploaded(1), version(2, [1]), offers=[offer([1]), lost])
    assert verdict.lost == [lost]
    assert not verdict.good


def test_a_save_is_lost_when_what_is_served_are_other_bytes() -> None:
    served = version(2, [1], digest="other bytes")
    assert given(uploaded(1), served, offers=[offer([1])]).lost


def test_a_save_in_a_version_of_another_file_is_lost() -> None:
    sessions = {KEY: Session("f", 1)}
    versions = {"f": [uploaded(1)], "g": [uploaded(1), version(2, [1])]}
    assert judge(Records(sessions, versions, [offer([1])])).lost


def test_a_save_under_an_unknown_key_is_lost() -> None:
    assert given(uploaded(1), offers=[offer([1], key="never issued")]).lost


def test_a_refused_save_may_be_kept_nowhere() -> None:
    verdict = given(uploaded(1), offers=[offer([1], accepted=False)])
    assert verdict.good
    assert verdict.acknowledged == 0


def test_an_offer_that_was_answered_twice_counts_once() -> None:
    verdict = given(uploaded(1), version(2, [1]), offers=[offer([1]), offer([1])])
    assert verdict.acknowledged == 1


def test_a_session_that_stores_its_bytes_twice_in_a_row_has_duplicated_them() -> None:
    assert given(uploaded(1), version(2, [1]), version(3, [1])).duplicated


def test_a_loser_that_is_kept_twice_is_a_duplicate_too() -> None:
    heads = [uploaded(1), version(2, [1, 2])]
    losers = [version(3, [1], head=False), version(4, [1], head=False)]
    assert given(*heads, *losers).duplicated


def test_bytes_that_become_the_head_again_are_no_duplicate() -> None:
    loser = version(2, [1], head=False)
    verdict = given(uploaded(1), loser, version(3, [], digest="empty"), version(4, [1]))
    assert not verdict.duplicated


def test_the_same_bytes_from_two_sessions_are_no_duplicate() -> None:
    verdict = given(uploaded(1), version(2, [1]), uploaded(3), version(4, [1], key=OTHER))
    assert not verdict.duplicated


def test_a_head_that_holds_less_of_its_session_than_the_head_before_is_out_of_order() -> None:
    verdict = given(uploaded(1), version(2, [1, 2]), version(3, [1]))
    assert verdict.out_of_order
    assert not verdict.good


def test_an_older_save_beside_the_head_is_in_order() -> None:
    verdict = given(uploaded(1), version(2, [1, 2]), version(3, [1], head=False))
    assert verdict.good


def test_another_session_need_not_hold_the_words_of_the_one_before_an_upload() -> None:
    sessions = {KEY: Session("f", 1), OTHER: Session("f", 3)}
    heads = [uploaded(1), version(2, [1]), uploaded(3, [9]), version(4, [9, 10], key=OTHER)]
    assert given(*heads, sessions=sessions).good


def test_a_head_without_the_latest_acknowledged_work_is_behind() -> None:
    verdict = given(uploaded(1), version(2, [1, 2], head=False), version(3, [1]))
    assert verdict.behind
    assert not verdict.good


def test_a_conflict_with_an_upload_is_kept_beside_the_head() -> None:
    verdict = given(uploaded(1), version(2, [1]), uploaded(3, [9]), conflict(4, [1, 2]))
    assert verdict.good
    assert verdict.conflicts == 1


def test_a_conflict_with_nothing_keeps_work_from_the_head() -> None:
    verdict = given(uploaded(1), version(2, [1]), conflict(3, [1, 2]))
    assert verdict.behind


def test_an_older_save_that_came_when_its_key_was_used_up_keeps_nothing_from_the_head() -> None:
    assert given(uploaded(1), version(2, [1, 2]), conflict(3, [1])).good


def test_who_types_on_under_a_key_that_was_used_up_makes_a_conflict() -> None:
    sessions = {KEY: Session("f", 1, used_up=10)}
    typed_on = replace(conflict(3, [1, 2]), created=20)
    verdict = given(uploaded(1), version(2, [1], trigger="final"), typed_on, sessions=sessions)
    assert verdict.good
    assert verdict.conflicts == 1


def test_words_that_the_server_took_and_no_version_holds_are_missing() -> None:
    verdict = given(uploaded(1), version(2, [1]), typed={1: KEY, 2: KEY})
    assert len(verdict.missing) == 1
    assert not verdict.good


def test_words_of_a_key_that_nobody_knows_are_missing() -> None:
    assert given(uploaded(1), typed={1: "never issued"}).missing


def test_words_that_the_contract_gives_up_are_counted_apart() -> None:
    sessions = {KEY: Session("f", 1, lost_by_contract=True)}
    verdict = given(uploaded(1), typed={1: KEY}, sessions=sessions)
    assert verdict.good
    assert verdict.lost_by_contract == 1


def test_an_acknowledged_save_is_lost_even_where_the_contract_gives_up_the_rest() -> None:
    sessions = {KEY: Session("f", 1, lost_by_contract=True)}
    assert given(uploaded(1), offers=[offer([1])], sessions=sessions).lost


def test_an_upload_that_was_answered_and_is_in_no_version_is_found() -> None:
    assert given(uploaded(1), uploads=[("f", "bytes [7]")]).uploads_lost
    assert given(uploaded(1), uploaded(2, [7]), uploads=[("f", "bytes [7]")]).good


def test_what_was_brought_back_is_counted() -> None:
    assert given(uploaded(1), version(2, [1], trigger="recovered")).recovered == 1
