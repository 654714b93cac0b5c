"""Tabs of the web page: Gradio widgets and events; the jobs run in `srgan_gp.serving`."""
