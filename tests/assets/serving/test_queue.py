"""Batches form of what waits: of one model, shared among free replicas, those who gave up left out."""

from __future__ import annotations

import asyncio

import pytest

from assets.serving.queue import BatchRules, ImageQueue


def run(work):
    return asyncio.run(work)


def make_queue(most_images: int = 4) -> ImageQueue:
    return ImageQueue(BatchRules(most_images, wait_s=0.0))


async def take(queue: ImageQueue) -> list[tuple[str, bytes]]:
    return [(one.model, one.payload) for one in await queue.take()]


def test_what_waits_goes_together_up_to_the_largest_batch():
    async def work():
        queue = make_queue()
        for number in range(5):
            queue.put("m", bytes([number]))
        assert [len(await take(queue)), len(await take(queue))] == [4, 1]

    run(work())


def test_a_batch_is_of_one_model_in_the_order_of_coming():
    async def work():
        queue = make_queue()
        for model, payload in (("a", b"1"), ("b", b"2"), ("a", b"3")):
            queue.put(model, payload)
        assert await take(queue) == [("a", b"1"), ("a", b"3")]
        assert await take(queue) == [("b", b"2")]

    run(work())


def test_two_free_replicas_share_what_waits():
    async def work():
        queue = make_queue()
        both = [asyncio.create_task(take(queue)) for _ in range(2)]
        await asyncio.sleep(0)
        for number in range(4):
            queue.put("m", bytes([number]))
        assert [len(batch) for batch in await asyncio.gather(*both)] == [2, 2]

    run(work())


def test_images_that_nobody_is_told_of_come_after_all_others():
    async def work():
        queue = make_queue()
        queue.put("m", b"shadow", is_urgent=False)
        queue.put("m", b"asked")
        assert await take(queue) == [("m", b"asked")]
        assert await take(queue) == [("m", b"shadow")]

    run(work())


def test_an_image_whose_asker_has_gone_is_not_computed():
    async def work():
        queue = make_queue()
        queue.put("m", b"gone").cancel()
        queue.put("m", b"here")
        assert await take(queue) == [("m", b"here")]

    run(work())


def test_images_of_a_lost_replica_wait_again_alone_and_at_most_once():
    async def work():
        queue = make_queue()
        one, two = queue.put("m", b"1"), queue.put("m", b"2")
        queue.give_back(await queue.take(), "it died")
        first = await queue.take()
        assert [waiting.payload for waiting in first] == [b"1"]
        queue.give_back(first, "it died")
        with pytest.raises(RuntimeError, match="2 replicas ended on this image"):
            await one
        assert [w.payload for w in await queue.take()] == [b"2"]
        assert not two.done()

    run(work())


def test_a_model_is_drained_when_its_last_image_is_answered():
    async def work():
        queue = make_queue()
        queue.put("m", b"1")
        drained = asyncio.create_task(queue.drain("m"))
        (waiting,) = await queue.take()
        await asyncio.sleep(0)
        assert not drained.done()
        waiting.answer.cancel()
        await drained
        await queue.drain("of nobody")

    run(work())


def test_who_is_needed_no_more_takes_nothing_and_what_it_puts_back_was_not_tried():
    async def work():
        queue = make_queue()
        is_needed = True
        taking = asyncio.create_task(queue.take(lambda: is_needed))
        await asyncio.sleep(0)
        is_needed = False
        queue.wake()
        assert await taking == []
        queue.put("m", b"1")
        queue.put_back(await queue.take())
        (waiting,) = await queue.take()
        assert (waiting.payload, waiting.num_tries) == (b"1", 0)

    run(work())
