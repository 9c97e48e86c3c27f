"""A mail server that keeps nothing: it tells what it was sent as a line of JSON each, parsed by Python's own library.

A line to its standard input sets what the next conversations meet: `451 2` refuses the next two mails with 451,
`hold` takes the next mail and never answers.
"""

import asyncio
import json
import ssl
import sys
from email import policy
from email.parser import BytesParser

from aiosmtpd.smtp import SMTP, AuthResult

settings = json.loads(sys.argv[1])
refusals = []


def say(**words):
    print(json.dumps(words), flush=True)


def text_of(message, kind):
    part = message.get_body(preferencelist=(kind,))
    return part.get_content().replace("\r\n", "\n") if part else None


class Sink:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return f"550 5.1.1 <{address}> is unknown here"
        envelope.rcpt_tos.append(address)
        return "250 taken"

    async def handle_DATA(self, server, session, envelope):
        if refusals and refusals[0] != "hold":
            return f"{refusals.pop(0)} 4.3.0 not now, <{envelope.rcpt_tos[0]}>"
        message = BytesParser(policy=policy.default).parsebytes(envelope.original_content)
        defects = [str(defect) for part in message.walk() for defect in part.defects]
        defects += [str(defect) for _, value in message.items() for defect in getattr(value, "defects", ())]
        say(
            sender=envelope.mail_from,
            to=envelope.rcpt_tos,
            headers=[[name, str(value)] for name, value in message.items()],
            kind=message.get_content_type(),
            parts=[part.get_content_type() for part in message.iter_parts()],
            plain=text_of(message, "plain"),
            html=text_of(message, "html"),
            defects=defects,
            tls=session.ssl is not None,
            user=session.auth_data,
            longest=max(len(line) for line in envelope.original_content.split(b"\r\n")),
        )
        if refusals:
            refusals.pop(0)
            await asyncio.sleep(3600)
        return "250 taken"


def authenticate(server, session, envelope, mechanism, login):
    right = login.login.decode() == settings["user"] and login.password.decode() == settings["password"]
    session.auth_data = login.login.decode() if right else None
    return AuthResult(success=right, handled=False, auth_data=session.auth_data)


def conversation():
    tls = None
    if "certificate" in settings:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(settings["certificate"], settings["key"])
    return SMTP(
        Sink(),
        hostname="sink",
        enable_SMTPUTF8=True,
        tls_context=tls,
        require_starttls=tls is not None,
        authenticator=authenticate if "user" in settings else None,
        auth_required="user" in settings,
        auth_require_tls=tls is not None,
    )


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(conversation, "127.0.0.1", settings.get("port", 0))
    say(port=server.sockets[0].getsockname()[1])
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        word, _, times = line.decode().strip().partition(" ")
        refusals.extend([word] * int(times or 1))
        say(heard=word)


asyncio.run(main())
