"""The official Python client of OpenAI's API, through a proxy, before mock inference servers.

`EXAMPLE_BINARIES` names the folder with the programs; without it the tests are skipped. The proxy runs with
switchyard.yaml of this folder, except for its ports.
"""

import asyncio
import base64
import json
import os
import re
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.request
from contextlib import ExitStack
from pathlib import Path

try:
    import openai
    import yaml
except ImportError as missing:
    raise unittest.SkipTest(f"{missing}: scripts/setup.sh test installs it") from missing

BINARIES = os.environ.get("EXAMPLE_BINARIES")
CONFIGURATION = Path(__file__).with_name("switchyard.yaml")
SERVERS, SLOTS = 3, 16
MODEL, KEY = "mock-8b", "a-key"
# Longer than anything here takes on a busy machine, in seconds.
PATIENCE = 60
QUESTION = [{"role": "user", "content": "Where is room?"}]
TEN_WORDS = " the load goes where there is room, the load"


def until(what, condition):
    """Waits until `condition()` is true, and returns its value."""
    end = time.monotonic() + PATIENCE
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"after {PATIENCE} s still not true: {what}")
        time.sleep(0.02)


class Fleet:
    """Mock servers and a proxy, which end with `stop`."""

    def __init__(self, running, token_time):
        self.folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        self._running = running
        self.mocks = self._start("inference-mock", "--listen", "127.0.0.1:0", "--count", str(SERVERS), "--slots", str(SLOTS),
                                 "--token-time", token_time, "--api-key", KEY)
        pattern = re.compile(r"listening on http://(\S+)")
        self.servers = until("the mocks listen",
                             lambda: len(found := pattern.findall(self._log("inference-mock"))) == SERVERS and found)
        config = yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8"))
        config["listen"] = config["admin"]["listen"] = "127.0.0.1:0"
        for substation, address in zip(config["substations"], self.servers, strict=True):
            substation["address"] = address
        path = self.folder / "switchyard.yaml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        self._start("switchyard", "run", "--config", str(path))
        self.proxy = self._listens("Listening for charge requests")
        self.admin = self._listens("Listening on the admin port")
        until("the proxy is ready", lambda: self._is_ready())

    def client(self, make=openai.OpenAI):
        """A client of the proxy that asks once."""
        return make(base_url=f"http://{self.proxy}/v1", api_key=KEY, max_retries=0, timeout=PATIENCE)

    def _start(self, program, *arguments):
        log = self._running.enter_context(open(self.folder / f"{program}.log", "wb"))
        process = subprocess.Popen([Path(BINARIES, program), *arguments], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self._running.callback(self.end, process)
        return process

    @staticmethod
    def end(process):
        """Ends a process, if it has not ended."""
        process.terminate()
        process.wait(timeout=PATIENCE)

    def _log(self, program):
        return (self.folder / f"{program}.log").read_text(encoding="utf-8")

    def _listens(self, message):
        pattern = re.compile(message + r".*?address=(\S+)")
        return until(f"the proxy logs: {message}", lambda: pattern.search(self._log("switchyard")))[1]

    def _is_ready(self):
        try:
            return self.page(self.admin, "/ready") is not None
        except OSError:
            return False

    @staticmethod
    def page(address, path):
        """The text of a page."""
        with urllib.request.urlopen(f"http://{address}{path}", timeout=PATIENCE) as answer:
            return answer.read().decode()

    def gauge(self, name, labels=""):
        """A series of each server."""
        pattern = re.compile(rf"^{re.escape(name)}\{{[^}}]*{re.escape(labels)}\}} (\S+)$", re.MULTILINE)
        return [float(pattern.search(self.page(server, "/metrics"))[1]) for server in self.servers]

    def running(self):
        """How many requests each server runs."""
        return self.gauge("vllm:num_requests_running")

    def aborted(self):
        """How many requests have ended because their client left."""
        return sum(self.gauge("vllm:request_success_total", 'finished_reason="abort"'))

    def estimated(self):
        """The load that the proxy believes in."""
        return sum(one["estimated_load"] for one in json.loads(self.page(self.admin, "/status"))["substations"])

    def becomes_idle(self):
        """Waits until no server has a request, and the proxy knows it."""
        until("no server has a request", lambda: sum(self.running()) == 0)
        until("the proxy believes in no load", lambda: self.estimated() == 0)


@unittest.skipUnless(BINARIES, "EXAMPLE_BINARIES does not name the folder with the programs")
class OpenAi(unittest.TestCase):
    """Each test ends with servers without requests, and a proxy that believes in no load."""

    @classmethod
    def setUpClass(cls):
        cls.running = ExitStack()
        cls.addClassCleanup(cls.running.close)
        cls.fleet = Fleet(cls.running, "5ms")

    def setUp(self):
        self.client = self.fleet.client()
        self.addCleanup(self.client.close)

    def tearDown(self):
        self.fleet.becomes_idle()

    def chat(self, tokens, client=None, **more):
        """A chat whose answer has exactly so many tokens."""
        return (client or self.client).chat.completions.create(
            model=MODEL, messages=QUESTION, max_tokens=tokens, extra_body={"ignore_eos": True}, **more)

    def test_models_are_listed(self):
        self.assertEqual([model.id for model in self.client.models.list()], [MODEL])
        self.assertEqual(self.client.models.retrieve(MODEL).owned_by, "switchyard")
        with self.assertRaisesRegex(openai.NotFoundError, "does not exist"):
            self.client.models.retrieve("other")

    def test_a_chat_is_answered_at_once(self):
        answer = self.chat(10)
        self.assertEqual(answer.choices[0].message.content, TEN_WORDS)
        self.assertEqual(answer.choices[0].finish_reason, "length")
        self.assertEqual(answer.usage.completion_tokens, 10)

    def test_a_chat_streams(self):
        with self.chat(10, stream=True, stream_options={"include_usage": True}) as chunks:
            found = list(chunks)
        self.assertEqual("".join(chunk.choices[0].delta.content for chunk in found[:-1]), TEN_WORDS)
        self.assertEqual(found[-2].choices[0].finish_reason, "length")
        self.assertEqual(found[-1].usage.completion_tokens, 10)

    def test_a_completion_is_answered_at_once_and_streams(self):
        ask = {"model": MODEL, "prompt": "Where is room?", "max_tokens": 10, "extra_body": {"ignore_eos": True}}
        self.assertEqual(self.client.completions.create(**ask).choices[0].text, TEN_WORDS)
        chunks = self.client.completions.create(**ask, stream=True)
        self.assertEqual("".join(chunk.choices[0].text for chunk in chunks), TEN_WORDS)

    def test_tokens_arrive_while_the_server_makes_the_next_ones(self):
        with self.chat(2000, stream=True) as chunks:
            next(chunks)
            self.assertEqual(sum(self.fleet.running()), 1)

    def test_errors_of_servers_come_as_they_are(self):
        with self.assertRaisesRegex(openai.BadRequestError, "max_tokens must be at least 1") as raised:
            self.chat(0)
        self.assertEqual((raised.exception.param, raised.exception.type), ("max_tokens", "BadRequestError"))
        with self.assertRaisesRegex(openai.NotFoundError, "does not exist"):
            self.client.chat.completions.create(model="other", messages=QUESTION)
        with self.assertRaisesRegex(openai.NotFoundError, "Not Found"):
            self.client.embeddings.create(model=MODEL, input="room")
        with self.assertRaises(openai.AuthenticationError):
            self.chat(1, self.client.with_options(api_key="another"))

    def test_a_client_that_leaves_a_stream_frees_its_place(self):
        before = self.fleet.aborted()
        with self.chat(100_000, stream=True) as chunks:
            for _ in range(3):
                next(chunks)
            self.assertEqual(sum(self.fleet.running()), 1)
        until("the server notices", lambda: self.fleet.aborted() == before + 1)

    def test_a_client_that_stops_waiting_frees_its_place(self):
        before = self.fleet.aborted()

        async def leave():
            async with self.fleet.client(openai.AsyncOpenAI) as client:
                asked = asyncio.create_task(self.chat(100_000, client))
                await asyncio.to_thread(until, "a server runs it", lambda: sum(self.fleet.running()) == 1)
                asked.cancel()
                await asyncio.gather(asked, return_exceptions=True)

        asyncio.run(leave())
        until("the server notices", lambda: self.fleet.aborted() == before + 1)

    def test_requests_are_spread_evenly_while_they_last(self):
        async def ask():
            async with self.fleet.client(openai.AsyncOpenAI) as client:
                streams = [await self.chat(100_000, client, stream=True) for _ in range(30)]
                spread = await asyncio.to_thread(self.fleet.running)
                for stream in streams:
                    await stream.close()
                return spread

        self.assertEqual(asyncio.run(ask()), [10, 10, 10])

    def test_a_websocket_is_one_request_until_it_closes(self):
        host, port = self.fleet.proxy.split(":")
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
            key = base64.b64encode(os.urandom(16)).decode()
            connection.sendall(f"GET /v1/realtime HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {KEY}\r\n"
                               f"connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
                               f"sec-websocket-key: {key}\r\n\r\n".encode())
            answers = connection.makefile("rb")
            self.assertIn(b" 101 ", answers.readline())
            while answers.readline() != b"\r\n":
                pass
            for payload in (b"hello", b"x" * 60_000):
                connection.sendall(frame(payload))
                self.assertEqual(answers.read(len(unmasked(payload))), unmasked(payload))
            self.assertEqual((self.fleet.estimated(), sum(self.fleet.running())), (1, 1))


@unittest.skipUnless(BINARIES, "EXAMPLE_BINARIES does not name the folder with the programs")
class WithoutPause(unittest.TestCase):
    """Before servers whose tokens come as fast as they can be written."""

    def setUp(self):
        running = ExitStack()
        self.addCleanup(running.close)
        self.fleet = Fleet(running, "0s")
        self.client = self.fleet.client()
        self.addCleanup(self.client.close)

    def test_prompts_and_answers_of_megabytes_pass(self):
        prompt = [{"role": "user", "content": "room " * 80_000}]
        ask = {"model": MODEL, "stream": True, "extra_body": {"ignore_eos": True}}
        chunks = self.client.chat.completions.create(messages=prompt, max_tokens=1, **ask)
        self.assertEqual(len(list(chunks)), 2)
        with self.client.completions.with_streaming_response.create(prompt="room", max_tokens=10_000, **ask) as answer:
            parts = list(answer.iter_bytes())
        self.assertGreater(sum(map(len, parts)), 1 << 20)
        self.assertTrue(parts[-1].endswith(b"data: [DONE]\n\n"))
        self.fleet.becomes_idle()

    def test_without_a_server_the_proxy_says_so_in_the_same_shape(self):
        self.fleet.end(self.fleet.mocks)
        with self.assertRaisesRegex(openai.InternalServerError, "backend") as raised:
            self.client.chat.completions.create(model=MODEL, messages=QUESTION)
        self.assertIn(raised.exception.status_code, (502, 503))
        self.assertTrue(raised.exception.code and raised.exception.type, raised.exception.body)


def head(length):
    """The length of a WebSocket's frame as it is written."""
    return bytes([length]) if length < 126 else b"\x7e" + length.to_bytes(2) if length < 65536 else b"\x7f" + length.to_bytes(8)


def frame(payload):
    """A message as a client sends it; its mask changes nothing."""
    length = head(len(payload))
    return b"\x81" + bytes([length[0] | 0x80]) + length[1:] + bytes(4) + payload


def unmasked(payload):
    """The same as a server sends it."""
    return b"\x81" + head(len(payload)) + payload


if __name__ == "__main__":
    unittest.main()
