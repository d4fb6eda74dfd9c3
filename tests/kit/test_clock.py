"""What happens at the same time, by a virtual clock."""

import gc

import anyio
from codex_conformance.clock import VIRTUAL, run


async def order_of_five() -> tuple[int, ...]:
    """The order in which five tasks go on that all wait for the same."""
    ready, went = anyio.Event(), list[int]()

    async def go(number: int) -> None:
        await ready.wait()
        went.append(number)

    async with anyio.create_task_group() as group:
        for number in range(5):
            group.start_soon(go, number)
        await anyio.wait_all_tasks_blocked()
        ready.set()
    return tuple(went)


def test_order_of_what_happens_at_the_same_time_is_that_of_the_seed() -> None:
    seeds = [str(number) for number in range(20)]
    first, again = ([run(VIRTUAL, order_of_five, seed) for seed in seeds] for _ in range(2))
    assert again == first
    assert len(set(first)) > 10


def test_run_leaves_the_collector_of_cycles_as_it_was() -> None:
    usual = gc.get_threshold()
    run(VIRTUAL, order_of_five)
    assert gc.get_threshold() == usual
    assert gc.isenabled()
