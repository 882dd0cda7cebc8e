"""What `python start.py` does: set the course up, keep the student's work, open JupyterLab."""
