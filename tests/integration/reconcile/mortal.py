"""An operator's process that ends at any of its writes, right before or right after it."""

from typing import Any

from perennial.kube.client import Kube


class Died(BaseException):
    """The operator's process ended here."""


class MortalKube(Kube):
    """A client whose process ends at the n-th write; without a number it only counts."""

    def __init__(self, *args: Any, dies_at: int = 0, after: bool = False, **more: Any) -> None:
        super().__init__(*args, **more)
        self.writes: list[str] = []
        self._dies_at, self._after = dies_at, after

    async def _mortal(self, name: str, *args: Any, **more: Any) -> Any:
        self.writes.append(name)
        dies = len(self.writes) == self._dies_at
        if dies and not self._after:
            raise Died
        done = await getattr(super(), name)(*args, **more)
        if dies:
            raise Died
        return done

    async def create(self, *args: Any, **more: Any) -> Any:
        """As in Kube."""
        return await self._mortal("create", *args, **more)

    async def apply(self, *args: Any, **more: Any) -> Any:
        """As in Kube."""
        return await self._mortal("apply", *args, **more)

    async def delete(self, *args: Any, **more: Any) -> Any:
        """As in Kube."""
        return await self._mortal("delete", *args, **more)

    async def patch_status(self, *args: Any, **more: Any) -> Any:
        """As in Kube."""
        return await self._mortal("patch_status", *args, **more)
