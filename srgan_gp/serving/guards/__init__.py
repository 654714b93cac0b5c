"""ASGI guards of every request: access control, limits, security headers and timeouts.

Own code, because Gradio limits single uploads only, and Starlette and uvicorn limit neither whole
bodies nor slow clients.

The routes behind them are in `serving.http`; limits of zip files in `serving.finetuning`.
"""
