"""A page and an API on one's own machine: `keras-sr serve`. Needs the extra `web`.

The process that talks to browsers never decodes a picture: headers, views and enlarging each have a child
process of their own, so that no file, however broken, can harm more than itself.
"""
