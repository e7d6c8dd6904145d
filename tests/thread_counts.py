"""How many threads compute now."""

from threadpoolctl import threadpool_info


def threads_of_matrices() -> set[int]:
    """Return the threads of each library of linear algebra."""
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}
