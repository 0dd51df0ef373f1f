"""The health port answers what it is told."""

import aiohttp

import perennial.handlers.supervisor  # noqa: F401 - its gauge is among the metrics
from perennial.handlers.health import serve_health


async def test_probes_say_what_is_wrong_and_metrics_are_those_of_the_process() -> None:
    problems: list[str] = []
    runner = await serve_health(0, alive=lambda: [], ready=lambda: problems, host="127.0.0.1")
    port = runner.addresses[0][1]
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:

            async def ask(path: str) -> tuple[int, str]:
                async with session.get(path) as answer:
                    return answer.status, await answer.text()

            assert await ask("/readyz") == (200, "ok\n")
            problems += ["not watched: Job in team", "not watched: Pod in team"]
            assert await ask("/readyz") == (503, "not watched: Job in team\nnot watched: Pod in team\n")
            assert await ask("/healthz") == (200, "ok\n")
            assert "perennial_loop_lag_seconds" in (await ask("/metrics"))[1]
    finally:
        await runner.cleanup()
