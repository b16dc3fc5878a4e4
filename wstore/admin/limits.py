"""Limits of the process: enough descriptors for `maxclients` connections."""
import resource

from wstore.admin.config import ConfigError

RESERVED_DESCRIPTORS = 32       # for files, listeners and the loop itself


def raise_descriptor_limit(clients):
    """Let the process have descriptors for so many clients; how many clients it can have now, at the most."""
    needed = clients + RESERVED_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return clients
    for limits in ((needed, max(hard, needed)), (hard, hard)):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            return min(clients, limits[0] - RESERVED_DESCRIPTORS)
        except (OSError, ValueError):
            continue
    return soft - RESERVED_DESCRIPTORS


def fit_clients(config, log):
    """At start-up: lower `maxclients` if the system does not allow so many descriptors."""
    possible = raise_descriptor_limit(config["maxclients"])
    if possible < config["maxclients"]:
        log.warning(f"maxclients is {possible} now, not {config['maxclients']}: the limit of open files (ulimit -n)"
                    " allows no more.")
        config.load("maxclients", [str(max(possible, 1))])


def check_clients(config):
    """Hook of `maxclients`: ConfigError if the system does not allow so many descriptors."""
    possible = raise_descriptor_limit(config["maxclients"])
    if possible < config["maxclients"]:
        raise ConfigError(
            f"The operating system is not able to handle the specified number of clients, try with {possible}")
