"""What a user might write instead: FastAPI checks the signature, says 200, and a background task makes the room."""

import base64
import hashlib
import hmac
import json
import os

import requests
from fastapi import BackgroundTasks, FastAPI, Request, Response
from requests.adapters import HTTPAdapter

SECRET = os.environ["SECRET"].encode()
CALLBACK = os.environ["CALLBACK"].encode()
UPSTREAM = os.environ["UPSTREAM"]

app = FastAPI()
session = requests.Session()
session.mount("http://", HTTPAdapter(pool_maxsize=40))


def is_signed(body: bytes, signature: str) -> bool:
    expected = hmac.new(SECRET, body + CALLBACK, hashlib.sha1).digest()
    return hmac.compare_digest(base64.b64encode(expected).decode(), signature)


def make_room(board: str) -> None:
    credentials = {"key": "key", "token": "token"}
    answer = session.get(f"{UPSTREAM}/1/boards/{board}", params=credentials, timeout=10)
    answer.raise_for_status()
    answer = session.post(
        f"{UPSTREAM}/api/2.0/files/rooms",
        json={"title": answer.json()["name"], "roomType": 2},
        headers={"Authorization": "Bearer key"},
        timeout=30,
    )
    answer.raise_for_status()


@app.get("/trello")
def hello() -> Response:
    return Response()


@app.post("/trello")
async def receive(request: Request, tasks: BackgroundTasks) -> Response:
    body = await request.body()
    if not is_signed(body, request.headers.get("x-trello-webhook", "")):
        return Response(status_code=401)
    action = json.loads(body)["action"]
    if action["type"] == "addToOrganizationBoard":
        tasks.add_task(make_room, action["data"]["board"]["id"])
    return Response()
