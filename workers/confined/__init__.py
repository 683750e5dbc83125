"""Processes that may crash: what they give up (``inside``), how they are asked (``outside``)."""
