"""Names of results: destination, templates, collisions, and the plan of a run.

`batch.plan_runner` runs a plan.
"""
