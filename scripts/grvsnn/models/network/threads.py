"""Threads that each have one thread of torch.

Torch's sums depend on how many threads share them, and it keeps that number for each
calling thread.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch


@contextmanager
def one_torch_thread(n_workers: int) -> Iterator[ThreadPoolExecutor]:
    """Yield a pool of workers, each with one thread of torch; restored afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(
            max(1, n_workers), initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:
            yield pool
    finally:
        torch.set_num_threads(before)
