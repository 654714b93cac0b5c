"""Names of results: destination, templates, collisions, and the plan of a run.

What is done with a plan is in `batch.plan_runner`.
"""
