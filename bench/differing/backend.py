"""The server behind a proxy: it keeps what reaches it, and answers as it is told."""

import socket
import threading

import h11

METRICS = b"substation_current_load 0\n"


class Seen:
    """A request that has reached the server, or bytes that are none."""

    def __init__(self, request=None):
        self.method = request.method.decode() if request else ""
        self.target = request.target.decode("latin-1") if request else ""
        self.headers = [(bytes(name), bytes(value)) for name, value in request.headers] if request else []
        self.body = b""
        self.fault = ""
        self.is_cut = False  # whether the connection ended within it


class Backend:
    """Listens on a port of its own until the process ends."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.answer = None  # the bytes of the next answers, and whether the connection ends behind them
        self._seen, self._lock = [], threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def take(self):
        """What has come since the last call, without scrapes."""
        with self._lock:
            seen, self._seen = self._seen, []
        return seen

    def _keep(self, seen):
        with self._lock:
            self._seen.append(seen)

    def _accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            try:
                while self._request(connection, h11.Connection(h11.SERVER)):
                    pass
            except OSError:
                pass

    def _request(self, connection, reader):
        """Serves requests until h11 needs a new start; whether the connection goes on."""
        seen, has_ended = None, False
        while True:
            try:
                event = reader.next_event()
            except h11.RemoteProtocolError as error:
                seen = seen or Seen()
                seen.fault, seen.is_cut = str(error), has_ended
                self._keep(seen)
                return False
            if event is h11.NEED_DATA:
                if reader.they_are_waiting_for_100_continue:
                    connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                    reader.send(h11.InformationalResponse(status_code=100, headers=[]))
                piece = connection.recv(65536)
                has_ended = not piece
                reader.receive_data(piece)
            elif isinstance(event, h11.Request):
                seen = Seen(event)
            elif isinstance(event, h11.Data):
                seen.body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                if not self._say(connection, seen):
                    return False
                reader.send(h11.Response(status_code=404, headers=[("content-length", "0")]))
                reader.send(h11.EndOfMessage())
                if reader.our_state is not h11.DONE:
                    return False
                reader.start_next_cycle()
                seen = None
            else:
                return False

    def _say(self, connection, seen):
        """Answers; whether the connection goes on."""
        if seen.target.startswith("/metrics"):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s"
                               % (len(METRICS), METRICS))
            return True
        self._keep(seen)
        if "probe" in seen.target or self.answer is None:
            body = b"probe" if "probe" in seen.target else b"{}"
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
            connection.sendall(head + (b"" if seen.method == "HEAD" else body))
            return True
        answer, ends = self.answer
        connection.sendall(answer)
        return not ends
