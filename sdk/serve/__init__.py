"""An engine behind HTTP: questions by ``POST /locate``, its health, its figures, a page to try it.

The extra ``[serve]`` brings what this room takes; nothing outside of it imports the room but the
command ``piza serve``.
"""
