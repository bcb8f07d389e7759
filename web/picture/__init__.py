"""The picture of a life: an axis of time, lanes of what happened, shapes, and how they become SVG."""
