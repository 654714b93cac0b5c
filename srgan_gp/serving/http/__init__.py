"""HTTP server: routes, forms, API documentation, graceful shutdown, and the mounted Gradio page.

Checks that run before a route are in `serving.guards`; the job queue is in `serving.jobs`.
"""
