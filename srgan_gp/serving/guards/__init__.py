"""ASGI guards of every request: access control, limits, security headers and timeouts.

They are code of this package, because Gradio limits single uploads only, and Starlette and uvicorn
limit neither whole bodies nor slow clients.

The routes behind the guards are in `serving.http`; limits of zip files in `serving.finetuning`.
"""
