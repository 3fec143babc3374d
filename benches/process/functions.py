"""What peers.py has done by workers of every kind."""


def empty(value):
    return None


def compute(rounds):
    """A fixed amount of work, whatever else the machine does."""
    total = 0
    for n in range(rounds):
        total += n
    return total


def echo(value):
    return value


def echo_text(data):
    """A string by the raw codec: as bytes, and a string in between."""
    text = data.decode()
    return echo(text).encode()
