"""The certificate of all listeners with TLS, of proxies and of substations."""

import subprocess
from pathlib import Path

from .processes import BenchError

# Of no authority: a client that trusts this certificate by itself refuses one of an authority as a server's.
SUBJECT = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
           "-addext", "basicConstraints=critical,CA:FALSE"]
KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def make(folder):
    """Writes tls.crt and tls.key, and both into tls.pem, as HAProxy wants them; once for each folder."""
    folder = Path(folder)
    if (folder / "tls.pem").exists():
        return
    argv = ["openssl", "req", "-x509", *KEY, *SUBJECT, "-days", "2", "-keyout", folder / "tls.key", "-out", folder / "tls.crt"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    except OSError as error:
        raise BenchError(f"openssl: can't be started ({error.strerror}); it makes the certificate of HTTPS") from error
    if done.returncode:
        raise BenchError(f"openssl made no certificate: {done.stderr.strip()[-300:]}")
    (folder / "tls.pem").write_text((folder / "tls.crt").read_text() + (folder / "tls.key").read_text())
