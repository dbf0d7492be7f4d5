#!/usr/bin/env python3
"""Writes the answers of the fixtures as inputs of fuzz_provider into a directory."""
import hashlib
import json
import pathlib
import sys

TYPES = ["ark", "acedata", "xhuo", "createtask", "comet", "senseaudio"]  # backend/providers/provider.c
READ = {"create": 0, "query": 1, "list": 3, "cancel": 4}  # fuzz_provider.c
IDS = ["cgt-1", "cgt-2", "cgt-3"]


def seed(number, kind, case):
    body = case.get("body", "")
    if not isinstance(body, str):
        body = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    asked = case.get("ids", [case.get("asked", IDS[0])])
    for own, id in zip(asked, IDS):
        body = body.replace(own, id)
    what = 2 if len(asked) > 1 else READ[kind]
    status = case.get("status", 200)
    return bytes([number, what, status & 255, status >> 8]) + body.encode()


def main():
    fixtures = pathlib.Path(__file__).parent.parent / "fixtures"
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for number, word in enumerate(TYPES):
        for kind in READ:
            for path in sorted((fixtures / word / kind).glob("*.json")):
                data = seed(number, kind, json.loads(path.read_text()))
                name = hashlib.sha1(data).hexdigest()
                (out / name).write_bytes(data)


main()
