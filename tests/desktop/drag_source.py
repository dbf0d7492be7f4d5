"""A window that holds files, for drags as from a browser or another file manager, and for the
clipboard.

usage: drag_source.py FILE…
"""

import pathlib
import sys

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gtk  # noqa: E402

files = [pathlib.Path(name) for name in sys.argv[1:]]
uris = [file.as_uri() for file in files]

window = Gtk.Window(title="Drag from here")
window.set_default_size(250, 200)
button = Gtk.EventBox()
button.add(Gtk.Label(label="\n".join(file.name for file in files)))
button.drag_source_set(Gdk.ModifierType.BUTTON1_MASK, [], Gdk.DragAction.COPY)
button.drag_source_add_uri_targets()
button.connect("drag-data-get", lambda _button, _context, data, _info, _time: data.set_uris(uris))
window.add(button)
window.connect("destroy", Gtk.main_quit)
window.show_all()
Gtk.main()
