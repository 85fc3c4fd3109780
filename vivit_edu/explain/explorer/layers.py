"""What can be asked of a model: its attentions by name, their heads, and what a query in each can look at."""

import dataclasses

from vivit_edu.config import ViViTConfig
from vivit_edu.explain.follow.rollout import FUSE
from vivit_edu.explain.watch.sound import Index, is_whole

CLASS_TOKEN = -1  # as a query; the others are counted along the grid, by time, then row, then column
ROLLOUT = "rollout"
MOST_ROLLED = 1024  # tokens: of more, the matrices that a rollout multiplies fill the memory


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layers:
    """A model's attentions.

    Attributes:
      config: the model's.
      counts: how many heads each attention has, by its name, "space/2", in the order in which they run.
    """

    config: ViViTConfig
    counts: dict[str, int]

    @property
    def class_token(self) -> bool:
        """Whether the model has one."""
        return self.config.pool != "mean"

    @property
    def places(self) -> int:
        """S, the tokens of one time index."""
        return self.config.grid[1] * self.config.grid[2]

    @property
    def names(self) -> tuple[str, ...]:
        """What can be asked for: every attention, and the rollout where the model is small enough."""
        rolled = (ROLLOUT,) if self.config.tokens <= MOST_ROLLED else ()
        return (*self.counts, *rolled)

    def heads(self, name: str) -> tuple[str, ...]:
        """The heads of an attention, "0", "1", and so on, and the ways to fuse them.

        Raises:
          KeyError: where there is no attention of that name.
        """
        if name == ROLLOUT:
            return tuple(FUSE)
        self._check_name(name)
        return (*map(str, range(self.counts[name])), *FUSE)

    def reach(self, name: str) -> str:
        """What a query can look at: "all" tokens, its "frame", its "place" at all times, or each "time" as one.

        A rollout that starts at the model's "output" whatever the query is another.
        """
        factorised = self.config.body in ("factorised_encoder", "average_pool")
        if name == ROLLOUT:
            return "output" if factorised else "all"
        over = name.split("/")[0]
        return {"spacetime": "all", "space": "frame", "time": "time" if factorised else "place"}[over]

    def check(self, name: str, query: Index, head: str) -> None:
        """Refuses what cannot be asked.

        Raises:
          KeyError: where the model has no such attention or head.
          IndexError: where there is no such query.
        """
        if head not in self.heads(name):
            raise KeyError(f"{name} has no head {head!r}, only {', '.join(self.heads(name))}")
        self.check_query(query, first=CLASS_TOKEN if self.class_token or name == ROLLOUT else 0)

    def check_query(self, query: Index, *, first: int = CLASS_TOKEN) -> None:
        """Refuses a query that is no token, counted from 0, or -1 for the class token.

        Raises:
          IndexError: where there is no such query.
        """
        if not is_whole(query) or not first <= query < self.config.tokens:
            raise IndexError(f"queries run from {first} to {self.config.tokens - 1}; got {query}")

    def _check_name(self, name):
        if name not in self.counts:
            raise KeyError(f"no attention is named {name}; this model has {', '.join(self.names)}")
