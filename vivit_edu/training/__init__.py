"""Training and evaluation on examples: fit, predict, evaluate (Arnab et al. 2021, Sec. 4.1)."""

from vivit_edu.training.evaluate import evaluate, predict
from vivit_edu.training.gradients import gradient_norms
from vivit_edu.training.loop import TrainState, fit
from vivit_edu.training.recipe import Recipe

__all__ = ["Recipe", "TrainState", "evaluate", "fit", "gradient_norms", "predict"]
