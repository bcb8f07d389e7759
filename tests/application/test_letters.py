"""A letter is answered, taken back, or turned away; it never lies about unheard of."""

from __future__ import annotations

from math import inf
from typing import cast

import pytest
import trio
from outcome import Value
from trio.testing import MockClock, wait_all_tasks_blocked

from application.alarms import Alarms
from application.letters import Letter, Mailbox
from domain.document import Document

DOCUMENT = cast(Document, object())


async def _taken(mailbox: Mailbox) -> Letter:
    letter = await mailbox.receive(inf)
    assert letter is not None
    return letter


async def test_letters_are_answered_in_their_order() -> None:
    mailbox, answers = Mailbox(Alarms()), list[Document | None]()
    async with trio.open_nursery() as nursery:

        async def ask() -> None:
            answers.append(await mailbox.ask(None))

        for _ in range(3):
            nursery.start_soon(ask)
        for number in range(3):
            with await _taken(mailbox) as letter:
                letter.outcome = Value(DOCUMENT)
            await wait_all_tasks_blocked()
            assert answers == [DOCUMENT] * (number + 1)


async def test_whoever_gives_up_has_the_letter_back_unless_it_is_taken(autojump_clock: MockClock) -> None:
    mailbox = Mailbox(Alarms())
    with trio.move_on_after(1):
        await mailbox.ask(None)
    with trio.move_on_after(1) as waiting:
        await mailbox.receive(inf)
    assert waiting.cancelled_caught, "nobody asks any more"

    async with trio.open_nursery() as nursery:
        nursery.start_soon(mailbox.ask, None)
        with await _taken(mailbox) as letter:
            nursery.cancel_scope.cancel()
            letter.outcome = Value(DOCUMENT)


@pytest.mark.parametrize("taken", [False, True])
async def test_whoever_has_set_a_time_waits_no_longer(taken: bool, autojump_clock: MockClock) -> None:
    alarms = Alarms()
    mailbox, began = Mailbox(alarms), trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(alarms.run)
        if taken:
            nursery.start_soon(_taken, mailbox)
        with pytest.raises(trio.TooSlowError):
            await mailbox.ask(None, began + 2)
        assert trio.current_time() == began + 2
        with trio.move_on_after(1) as waiting:
            await mailbox.receive(inf)
        assert waiting.cancelled_caught, "nobody asks any more"
        nursery.cancel_scope.cancel()


async def test_an_answer_is_heard_though_the_time_is_up_before_its_sender_has_a_turn() -> None:
    mailbox, answers = Mailbox(Alarms()), list[Document | None]()

    async def ask() -> None:
        answers.append(await mailbox.ask(None))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        with await _taken(mailbox) as letter:
            letter.outcome = Value(DOCUMENT)
        letter.give_up(trio.TooSlowError())
    assert answers == [DOCUMENT]


async def test_who_knocks_at_a_closed_door_is_turned_away() -> None:
    mailbox, ends = Mailbox(Alarms()), list[type[Exception]]()

    async def ask() -> None:
        try:
            await mailbox.ask(None)
        except (trio.BrokenResourceError, trio.EndOfChannel) as end:
            ends.append(type(end))

    async with trio.open_nursery() as nursery:
        with mailbox:
            nursery.start_soon(ask)
            with await _taken(mailbox):
                nursery.start_soon(ask)  # while the first is in somebody's hands
                await wait_all_tasks_blocked()
            await wait_all_tasks_blocked()
            assert ends == [trio.EndOfChannel], "it was opened, and nothing came of it"
        await wait_all_tasks_blocked()
        assert ends == [trio.EndOfChannel, trio.BrokenResourceError]
        await ask()
    assert ends[2:] == [trio.BrokenResourceError]


@pytest.mark.parametrize("with_letters", [False, True])
async def test_it_rings_for_whoever_waits_and_not_for_who_comes_later(with_letters: bool) -> None:
    mailbox, found = Mailbox(Alarms()), list[Letter | None]()

    async def receive() -> None:
        found.append(await mailbox.receive(inf))

    async with trio.open_nursery() as nursery:
        mailbox.ring()
        nursery.start_soon(receive)
        await wait_all_tasks_blocked()
        assert not found, "what is due is looked at before one waits"
        if with_letters:
            nursery.start_soon(mailbox.ask, None)
        mailbox.ring()
        await wait_all_tasks_blocked()
        assert found == [None]
        nursery.cancel_scope.cancel()


async def _come(event: trio.Event) -> None:
    event.set()


@pytest.mark.parametrize("late", [0.0, 1.0])
async def test_what_is_due_comes_before_letters_and_lets_others_go_first(late: float) -> None:
    mailbox = Mailbox(Alarms())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(mailbox.ask, None)
        await wait_all_tasks_blocked()
        other = trio.Event()
        nursery.start_soon(_come, other)
        for _ in range(3):
            assert await mailbox.receive(trio.current_time() - late) is None
        assert other.is_set()
        nursery.cancel_scope.cancel()
