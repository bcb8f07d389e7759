"""Who may have auto-saved what: judged from records made up to tell good from bad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from application.nodes import shard_of
from tests.chaos.ownership import Autosaves, Forcesave, Holding, Holdings, Visit, Watched, judge_autosaves
from tests.chaos.processes import Spell

KEY = "ada-f-1"
FIRST, SECOND = 0, 1


def sent(node: int, *moments: float, key: str = KEY, error: int = 0) -> list[Forcesave]:
    return [Forcesave(at, node, key, error) for at in moments]


def judged(
    *forcesaves: Sequence[Forcesave],
    held: Sequence[tuple[int, float, float]] = ((FIRST, 0, 100),),
    spells: Mapping[int, Sequence[Spell]] | None = None,
    visits: Sequence[Visit] = (),
    blind: Sequence[tuple[float, float]] = (),
) -> Autosaves:
    holdings = {shard_of(KEY): [Holding(*each) for each in held]}
    every = [each for some in forcesaves for each in some]
    return judge_autosaves(Watched(every, holdings, blind, spells or {}, visits))


TAKEN_OVER = ((FIRST, 0, 20), (SECOND, 30, 100))


def test_the_owner_may_auto_save() -> None:
    told = judged(sent(FIRST, 10, 13, 16))
    assert (told.doubled, told.strays, told.sent) == ([], [], 3)


def test_another_may_not() -> None:
    assert len(judged(sent(FIRST, 10, 13, 16), sent(SECOND, 14, 17)).doubled) == 2


def test_one_who_alone_auto_saves_may_not_either_if_the_document_is_anothers() -> None:
    assert judged(sent(SECOND, 14)).doubled


def test_one_who_never_owned_anything_may_not() -> None:
    assert judged(sent(FIRST, 10), held=()).doubled


def test_an_owner_may_go_on_while_the_database_is_away_and_nobody_has_the_document() -> None:
    assert not judged(sent(FIRST, 19, 22, 25), held=TAKEN_OVER).doubled


def test_an_owner_may_not_go_on_once_another_has_the_document() -> None:
    told = judged(sent(FIRST, 31, 40), sent(SECOND, 35), held=TAKEN_OVER)
    assert [each.at for each in told.doubled] == [40], "what was under way is no sin"


def test_the_next_owner_may_not_be_early() -> None:
    assert judged(sent(SECOND, 25), held=TAKEN_OVER).doubled


def test_one_that_had_it_once_may_not_believe_that_it_still_has() -> None:
    there_and_back = ((FIRST, 0, 20), (SECOND, 30, 50), (FIRST, 50, 100))
    told = judged(sent(FIRST, 10, 45, 60), sent(SECOND, 40, 80), held=there_and_back)
    assert [(each.node, each.at) for each in told.doubled] == [(FIRST, 45), (SECOND, 80)]


def test_who_has_slept_may_send_what_it_had_begun_once_for_each_document_and_waking() -> None:
    slept = {FIRST: [Spell("pause", 20, 60)]}
    told = judged(sent(FIRST, 60.5, error=4), held=TAKEN_OVER, spells=slept)
    assert (told.doubled, [stray.error for stray in told.strays]) == ([], [4])
    assert len(judged(sent(FIRST, 60.5, 62), held=TAKEN_OVER, spells=slept).doubled) == 1


def test_who_has_slept_may_send_nothing_later() -> None:
    slept = {FIRST: [Spell("pause", 20, 60)]}
    assert judged(sent(FIRST, 70), held=TAKEN_OVER, spells=slept).doubled


def test_who_was_killed_has_no_excuse_and_neither_has_another() -> None:
    killed = {FIRST: [Spell("kill", 20, 60)]}
    assert judged(sent(FIRST, 60.5), held=TAKEN_OVER, spells=killed).doubled
    other = {SECOND: [Spell("pause", 20, 60)]}
    assert judged(sent(FIRST, 60.5), held=TAKEN_OVER, spells=other).doubled


def test_who_takes_an_upload_saves_first_whosever_the_document_is() -> None:
    assert not judged(sent(SECOND, 11), visits=[Visit(KEY, 10, 12)]).doubled
    assert judged(sent(SECOND, 11), visits=[Visit("another", 10, 12)]).doubled
    assert judged(sent(SECOND, 50), visits=[Visit(KEY, 10, 12)]).doubled


def test_how_soon_others_had_what_was_a_dead_nodes() -> None:
    killed = {FIRST: [Spell("kill", 20, 60)]}
    told = judged(sent(FIRST, 19), sent(SECOND, 33, 36), held=TAKEN_OVER, spells=killed)
    assert (told.moved, told.asked) == ([10], [13])


def test_a_node_that_is_back_before_anybody_noticed_has_lost_nothing() -> None:
    paused = {FIRST: [Spell("pause", 20, 24)]}
    told = judged(sent(FIRST, 19), sent(SECOND, 33), held=TAKEN_OVER, spells=paused)
    assert (told.moved, told.asked) == ([], [])


def test_of_what_nobody_looked_at_nobody_can_tell() -> None:
    told = judged(sent(SECOND, 5, 12, 20), blind=[(10, 14)])
    assert ([each.at for each in told.doubled], told.unseen) == ([5, 20], 1)


def test_what_is_seen_again_and_again_is_one_holding() -> None:
    holdings = Holdings()
    for at, node in [(1, FIRST), (2, FIRST), (5, FIRST), (6, SECOND), (7, FIRST)]:
        holdings.see(at, at, {node: [3]})
    assert holdings.of == {3: [Holding(FIRST, 1, 5), Holding(SECOND, 6, 6), Holding(FIRST, 7, 7)]}


def test_who_did_not_look_for_a_while_was_blind() -> None:
    holdings = Holdings()
    for began, ended in [(1.0, 1.1), (1.2, 1.3), (1.4, 3.0), (3.1, 3.2), (5.0, 5.1)]:
        holdings.see(began, ended, {})
    assert holdings.blind == [(1.2, 3.0), (1.4, 3.2), (3.1, 5.1)]
