"""Rules and a model in, a plan out: one row per weight tensor, with every diagnosis."""

from runner.plan.making import make_plan
from runner.plan.plan import Plan, PlannedWeight
from runner.plan.schedule_builders import SCHEDULES
from runner.plan.schedule_curve import ScheduleCurve
from runner.plan.wrapping import check_sharing, wrap_model

__all__ = ["SCHEDULES", "Plan", "PlannedWeight", "ScheduleCurve", "check_sharing", "make_plan", "wrap_model"]
