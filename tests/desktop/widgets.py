"""Prints as JSON what the programs on this display tell assistive technology (AT-SPI): what a blind user would hear."""

import json
import sys

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402

DEEPEST, MOST = 40, 5000


def walk(node, app, found, depth=0):
    if depth > DEEPEST or len(found) > MOST:
        return
    try:
        if depth and not node.get_state_set().contains(Atspi.StateType.SHOWING) and depth > 1:
            return
        area = node.get_extents(Atspi.CoordType.SCREEN) if depth else None
        found.append({"app": app, "role": node.get_role_name(), "name": node.get_name() or "", "depth": depth,
                      **({"x": area.x, "y": area.y, "width": area.width, "height": area.height} if area else {})})
        for n in range(node.get_child_count()):
            child = node.get_child_at_index(n)
            if child:
                walk(child, app, found, depth + 1)
    except GLib.Error:
        pass  # it went away meanwhile


found = []
root = Atspi.get_desktop(0)
for number in range(root.get_child_count()):
    application = root.get_child_at_index(number)
    if application:
        walk(application, application.get_name(), found)
json.dump(found, sys.stdout)
