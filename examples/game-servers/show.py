"""Three hosts of a game behind one address: matches are allocated where there is room for all of their players.

Every match must be allocated once, every player of it must get in, and the hosts must be evenly full.
"""

import concurrent.futures
import random
import socket
import time

import rig

HOSTS = {"host1": (7001, 240), "host2": (7002, 120), "host3": (7003, 120)}
MODES = {"duel": (2, 4), "royale": (8, 16)}
# Seven of eight matches are duels, which any host can run; so even hosts are possible.
OFTEN = (7, 1)
# So full the hosts are to be, all together.
FULL = 0.75


def matches(seed):
    """Modes and numbers of players, until the hosts are as full as they are to be."""
    rng = random.Random(seed)
    left = FULL * sum(most for _, most in HOSTS.values())
    while left > 0:
        mode, = rng.choices(list(MODES), OFTEN)
        players = rng.randint(*MODES[mode])
        yield mode, players
        left -= players


def talk(player, word, expected):
    """Sends a word until it is answered, since a datagram may get lost."""
    for _ in range(20):
        player.send(word)
        try:
            if player.recv(64) == expected:
                return True
        except TimeoutError:
            pass
    return False


def play(proxy, mode, players):
    """Asks for a match as a matchmaker does, and lets its players join. Returns its host and the players, or why not."""
    status, headers, said = rig.ask(proxy, "POST", "/allocate", {"mode": mode, "players": players})
    if status != 200:
        return None, f"{status}: {said}"
    host, port = said["address"].split(":")
    inside = []
    for _ in range(players):
        player = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        player.settimeout(1)
        player.connect((host, int(port)))
        if talk(player, b"join", b"welcome"):
            inside.append(player)
        else:
            player.close()
    return headers["x-substation"], (mode, players, inside)


def show(example):
    hosts = {}
    for name, (port, most) in HOSTS.items():
        configured = f"127.0.0.1:{port}"
        program = example.python(name, "host.py", "--name", name, "--listen", example.listen(configured), "--players", most)
        hosts[name] = (configured, program.find(r"listening on http://(\S+)")[0])
    proxy = example.proxy(dict(hosts.values()))

    def gauges(metric):
        return {name: rig.gauge(rig.text(f"http://{address}/metrics"), metric) for name, (_, address) in hosts.items()}

    wanted = list(matches(seed=7))
    example.say(f"a matchmaker asks for {len(wanted)} matches with {sum(players for _, players in wanted)} players")
    # So fast that most are allocated between two readings of the gauges.
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        allocated = list(pool.map(lambda match: play(proxy.address, *match), wanted))
    refused = [why for host, why in allocated if host is None]
    running = gauges("game_players")
    share = {name: running[name] / most for name, (_, most) in HOSTS.items()}
    rows = [(name, most, f"{running[name]:.0f}", f"{100 * share[name]:.0f} %",
             sum(host == name and match[0] == "royale" for host, match in allocated)) for name, (_, most) in HOSTS.items()]
    example.table(("host", "places", "players", "full", "royales"), rows)
    example.expect(f"every match was allocated{'' if not refused else f': {refused[0]}'}", not refused)
    counts = gauges("game_matches_allocated_total")
    example.expect("each exactly once, by the hosts' own counts", sum(counts.values()) == len(wanted))
    got = [match for host, match in allocated if host is not None]
    example.expect("every player got in", all(len(inside) == players for _, players, inside in got))
    example.expect("no royale at host3, which has none",
                   not any(host == "host3" and match[0] == "royale" for host, match in allocated if host))
    spread = 100 * (max(share.values()) - min(share.values()))
    # The last royale may be 13 % of a small host.
    example.expect(f"the hosts are evenly full, within {spread:.1f} points", spread <= 13)

    example.say("\nthe players stay for a moment, and leave")
    time.sleep(example.seconds)
    for _, _, inside in got:
        for player in inside:
            talk(player, b"leave", b"bye")
            player.close()
    example.expect("all matches are over, and all places free",
                   rig.until("no players", lambda: not any(gauges("game_players").values()))
                   and sum(gauges("game_matches_over_total").values()) == len(got))
    rig.until("the proxy knows it", lambda: not any(proxy.estimates().values()))
    example.stay(proxy)


rig.main(show, __doc__.split("\n\n", maxsplit=1)[0], 1)
