"""Prints as JSON what the programs on this display expose to assistive technology (AT-SPI), as a
blind user would hear it."""

import json
import sys

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402

DEEPEST, MOST = 40, 5000


def asked(question, *arguments):
    """None if a program gives no answer: it has just ended, or its toolkit lacks the interface."""
    try:
        return question(*arguments)
    except GLib.Error:
        return None


def text_of(node):
    """The text of a widget, which may be more than its name."""
    interface = node.get_text_iface()
    return interface.get_text(0, -1) if interface else ""


def describe(node, app, depth):
    area = asked(node.get_extents, Atspi.CoordType.SCREEN) if depth else None
    return {"app": app, "role": asked(node.get_role_name) or "", "name": asked(node.get_name) or "",
            "text": asked(text_of, node) or "", "depth": depth,
            **({"x": area.x, "y": area.y, "width": area.width, "height": area.height} if area else {})}


def walk(node, app, shown, found, depth=0):
    if depth > DEEPEST or len(found) > MOST:
        return
    states = asked(node.get_state_set)
    if depth > 1 and not (states and states.contains(shown)):
        return
    found.append(describe(node, app, depth))
    for n in range(asked(node.get_child_count) or 0):
        child = asked(node.get_child_at_index, n)
        if child:
            walk(child, app, shown, found, depth + 1)


def state_of_shown(application):
    """GTK 4 reports the state "showing" only for windows."""
    is_gtk4 = asked(application.get_toolkit_name) == "GTK" and (asked(application.get_toolkit_version) or "").startswith("4")
    return Atspi.StateType.VISIBLE if is_gtk4 else Atspi.StateType.SHOWING


found = []
root = Atspi.get_desktop(0)
for number in range(root.get_child_count()):
    application = asked(root.get_child_at_index, number)
    if application:
        walk(application, asked(application.get_name), state_of_shown(application), found)
json.dump(found, sys.stdout)
