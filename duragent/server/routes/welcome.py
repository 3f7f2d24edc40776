"""What a browser sees that opens the server's address: one plain page that says what this is. It knows no session."""

from html import escape

from starlette.requests import Request
from starlette.responses import Response

from duragent.server.dependencies import Dependencies

_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>duragent</title>
<style>
  :root { color-scheme: light dark }
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem }
  code { font-size: .95em }
</style>
<h1>duragent</h1>
<p>A server of duragent VERSION runs here: AI agents, in sessions that survive. It has no pages of its own; it is used
from a terminal, or by programs.</p>
<ul>
  <li>In a terminal, in the folder of its workspace: <code>duragent chat</code>, or from elsewhere
    <code>duragent chat --server URL</code>.</li>
  <li>Over HTTP: <a href="openapi.json">openapi.json</a> describes all routes. They want the header
    <code>Authorization: Bearer TOKEN</code>; <code>duragent serve token</code>, in the workspace, prints it.</li>
  <li>Without a token: <a href="livez">livez</a>, <a href="readyz">readyz</a> and <a href="version">version</a> say
    whether it is well.</li>
</ul>
</html>
"""
# The page loads nothing and runs nothing, whatever stands in front of it.
_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}


async def welcome(dependencies: Dependencies, request: Request) -> Response:
    page = _PAGE.replace("VERSION", escape(dependencies.version.version))
    return Response(page, media_type="text/html", headers=_HEADERS)
