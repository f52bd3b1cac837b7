"""A web server and two mail servers that are not ours: says their ports in one line, then each thing that they take in one."""

import json
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

CERTIFICATE, KEY = sys.argv[1:3]


def say(**fields):
    print(json.dumps(fields), flush=True)


class Web(BaseHTTPRequestHandler):
    failures = 1

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        fails = Web.failures > 0
        Web.failures -= 1
        self.send_response(500 if fails else 200)
        self.end_headers()
        say(web=self.path, status=500 if fails else 200, type=self.headers["Content-Type"], key=self.headers["X-Key"], body=body)

    def log_message(self, *_):
        pass


class Mail:
    def __init__(self, name):
        self.name = name

    async def handle_DATA(self, _server, session, envelope):
        signed = session.auth_data.login.decode() if session.auth_data else None
        say(mail=self.name, starttls=session.ssl is not None, user=signed, sender=envelope.mail_from, to=envelope.rcpt_tos,
            text=envelope.content.decode())
        return "250 taken"


def known(_server, _session, _envelope, _mechanism, login):
    good = isinstance(login, LoginPassword) and (login.login, login.password) == (b"mailer", b"p4ssw0rd")
    return AuthResult(success=good, handled=False, auth_data=login)


context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(CERTIFICATE, KEY)
web = ThreadingHTTPServer(("127.0.0.1", 0), Web)
threading.Thread(target=web.serve_forever, daemon=True).start()
# It tries the port that it was given before it serves, so that the system cannot choose one: these are tried in turn.
ports = iter(range(38025, 38125))


def serve(name, **options):
    for port in ports:
        controller = Controller(Mail(name), hostname="127.0.0.1", port=port, **options)
        try:
            controller.start()
        except OSError:
            continue
        return port
    raise SystemExit("no port is free")


starttls = serve("starttls", tls_context=context, require_starttls=True, authenticator=known, auth_required=True)
tls = serve("tls", ssl_context=context)
say(web=web.server_port, starttls=starttls, tls=tls)
# Until whoever started it goes away.
sys.stdin.read()
