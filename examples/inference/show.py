"""Three mock inference servers behind one address: chats that stream go where the least is running and waiting.

Every chat must get all of its tokens, the servers must run the same number, and a client that leaves must free its place.
"""

import concurrent.futures
import http.client
import json

import rig

CONFIGURED = ["127.0.0.1:8001", "127.0.0.1:8002", "127.0.0.1:8003"]
CHATS, LEAVE = 36, 12


class Chat:
    """A chat whose answer streams."""

    def __init__(self, address, tokens):
        host, port = address.split(":")
        self.connection = http.client.HTTPConnection(host, int(port), timeout=rig.PATIENCE)
        body = {"model": "mock-8b", "stream": True, "max_tokens": tokens, "ignore_eos": True,
                "messages": [{"role": "user", "content": "Where is room?"}]}
        self.connection.request("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"})
        self.answer = self.connection.getresponse()
        if self.answer.status != 200:
            raise rig.Failed(f"a chat was answered with {self.answer.status}: {self.answer.read()}")

    def tokens(self):
        """How many tokens come until the end."""
        count = 0
        for line in self.answer:
            if line.startswith(b"data: {"):
                choices = json.loads(line[len(b"data: "):])["choices"]
                count += bool(choices and choices[0]["delta"].get("content"))
            elif line.startswith(b"data: [DONE]"):
                return count
        return None

    def leave(self):
        """Closes the connection, whatever is still to come."""
        self.answer.close()
        self.connection.close()


def show(example):
    mock = example.start("inference-mock", example.binary("inference-mock"), "--listen", example.listen(CONFIGURED[0]),
                         "--count", len(CONFIGURED))
    addresses = mock.find(r"listening on http://(\S+)", len(CONFIGURED))
    proxy = example.proxy(dict(zip(CONFIGURED, addresses, strict=True)), listen="127.0.0.1:8000")

    def running():
        return [round(rig.gauge(rig.text(f"http://{address}/metrics"), "vllm:num_requests_running")) for address in addresses]

    # A token takes some 35 ms while a dozen chats run.
    tokens = max(1, round(example.seconds / 0.035))
    example.say(f"{CHATS} chats begin; {CHATS - LEAVE} want {tokens} tokens each, and {LEAVE} so many that their clients leave")
    long = [Chat(proxy.address, 100_000) for _ in range(LEAVE)]
    example.expect(f"{LEAVE} chats run, as many at each server: {running()}", set(running()) == {LEAVE // len(CONFIGURED)})
    with concurrent.futures.ThreadPoolExecutor(CHATS - LEAVE) as pool:
        counts = list(pool.map(lambda _: Chat(proxy.address, tokens).tokens(), range(CHATS - LEAVE)))
    example.expect(f"every chat that was heard to its end got {tokens} tokens", set(counts) == {tokens})
    served = [round(rig.gauge(rig.text(f"http://{address}/metrics"), "vllm:request_success_total")) for address in addresses]
    example.table(("server", "chats served"), [(f"gpu{number}", count) for number, count in enumerate(served, 1)])
    example.expect("each server has served about a third", max(served) - min(served) <= 3)
    for chat in long:
        chat.leave()
    example.expect("the places of those that left are free",
                   rig.until("no server runs anything", lambda: not any(running()))
                   and rig.until("the proxy knows it", lambda: not any(proxy.estimates().values())))
    example.stay(proxy)


rig.main(show, __doc__.split("\n\n", maxsplit=1)[0], 2)
