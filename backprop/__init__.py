"""Learn back-propagation by doing it: the student library."""

__version__ = "0.1.0"
