"""Rules and a model in, a plan out: one row per weight tensor, with every diagnosis."""

from runner.plan.curve import Curve
from runner.plan.making import make_plan
from runner.plan.plan import Plan, PlannedWeight
from runner.plan.schedule_builders import SCHEDULES
from runner.plan.sharing import check_sharing
from runner.plan.wrapping import wrap_model

__all__ = ["SCHEDULES", "Curve", "Plan", "PlannedWeight", "check_sharing", "make_plan", "wrap_model"]
