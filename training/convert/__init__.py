"""Valley and LLaVA checkpoints in Hugging Face layout to pack folders for the browser: `python -m training.convert`."""
