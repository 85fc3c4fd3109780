"""What was done to a checkpoint's parameters on their way into a model, in sentences."""

import dataclasses
import logging

logger = logging.getLogger("vivit_edu.pretrained")


@dataclasses.dataclass
class Report:
    """The changes and omissions of one loading, in order; empty where every number went over as it was.

    Attributes:
      changed: by the parameter's path, what was done to it: "space 14 x 14 -> 16 x 16, bilinear".
      left_out: by the checkpoint's name, why it has no place in the model.
    """

    changed: dict[str, str] = dataclasses.field(default_factory=dict)
    left_out: dict[str, str] = dataclasses.field(default_factory=dict)

    def change(self, place: str, rule: str) -> None:
        """Notes what was done to a parameter, here and in the log."""
        self.changed[place] = rule
        logger.info("%s: %s", place, rule)

    def leave_out(self, name: str, reason: str) -> None:
        """Notes that a name of the checkpoint was left out on purpose, here and in the log."""
        self.left_out[name] = reason
        logger.info("%s left out: %s", name, reason)

    def __str__(self) -> str:
        left_out = [f"{name} left out: {reason}" for name, reason in self.left_out.items()]
        lines = [f"{place}: {rule}" for place, rule in self.changed.items()] + left_out
        return "\n".join(lines) or "every parameter as it was"
