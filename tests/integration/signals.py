"""Default signal dispositions for the programs that tests start, however pytest was started.

A shell starts background commands with SIGINT ignored, and nohup ignores SIGHUP. Programs that a
test starts would inherit this and would keep running when the test interrupts them.
"""

import signal

INHERITED = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


def reset():
    """Resets inherited ignored signals to their default effect. Call it on the main thread."""
    for number in INHERITED:
        if signal.getsignal(number) == signal.SIG_IGN:
            usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, usual)
