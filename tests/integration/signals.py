"""The signals that the tests' programs start with: the default ones, however the tests were started.

A shell that starts a command in the background lets it ignore SIGINT, and nohup lets it ignore SIGHUP. Every program
that a test starts would inherit that, and would go on when the test interrupts it.
"""

import signal

INHERITED = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


def reset():
    """Gives the signals that this process inherited as ignored their usual effect. The main thread's."""
    for number in INHERITED:
        if signal.getsignal(number) == signal.SIG_IGN:
            usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, usual)
