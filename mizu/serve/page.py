"""The built-in page at `/`: what this is and where to go.  No script, no secret, nothing that changes."""

from .. import VERSION
from ..formats.html_out import escape

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>mizud on {host}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.55 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1.25rem; }}
h1 {{ font-size: 1.6rem; margin-bottom: .25rem; }}
h2 {{ font-size: 1.05rem; margin-top: 2rem; }}
p.lead {{ margin-top: 0; opacity: .75; }}
code, pre {{ font: .9em/1.5 ui-monospace, monospace; }}
pre {{ padding: .8rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere; border-radius: .5rem;
  background: rgba(127, 127, 127, .14); }}
table {{ border-collapse: collapse; width: 100%; }}
td {{ padding: .35rem .6rem .35rem 0; vertical-align: top; border-top: 1px solid rgba(127, 127, 127, .3); }}
td:first-child {{ white-space: nowrap; }}
</style>
<h1>mizud {version}</h1>
<p class="lead">A VoIP softswitch and its API, on one port.</p>
<h2>Is it alive?</h2>
<p><a href="/mvapireq/?apientry=apitest1">/mvapireq/?apientry=apitest1</a> answers without any key.</p>
<h2>First request</h2>
<p>Key, administrator and salt are in the file <code>initial-admin</code> of the data folder.</p>
<pre>curl 'http://{host}/mvapireq/?apientry=balance&amp;authkey=KEY&amp;authid=USER&amp;authpwd=PASSWORD'</pre>
<h2>Where to go</h2>
<table>
<tr><td><a href="/mvapireq/?apientry=help&amp;format=html">help</a></td><td>every command with its parameters</td></tr>
<tr><td><a href="/openapi.json">/openapi.json</a></td><td>the same for programs, OpenAPI 3.1</td></tr>
<tr><td><code>ws://{host}/mvstwebsocket/</code></td><td>the API over WebSocket</td></tr>
<tr><td><code>telnet</code> {console}</td><td>the administrator's console</td></tr>
<tr><td><a href="/mvweb/">/mvweb/</a></td><td>static files of this server</td></tr>
<tr><td><a href="/healthz">/healthz</a>, <a href="/readyz">/readyz</a></td><td>for monitoring</td></tr>
</table>
</html>
"""


def front_page(server, host):
    """The page as bytes; `host` is what the browser asked for."""
    port = server.ports.opened.get("console")
    console = f"port {port}" if port else "is off (setting adminport)"
    return _PAGE.format(version=escape(VERSION), host=escape(host or "SERVER"), console=escape(console)).encode()
