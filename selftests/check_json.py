#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whether JSON objects are as a schema has them.

    check_json.py SCHEMA

Takes names of files from standard input, one a line, and answers each with one line: how
many objects it found, or "wrong: " and why.  A file has one object on each line, or one in
all.  Numbers must be numbers that the schema allows, and no key may be missing or unknown.
"""
import json
import sys

import jsonschema


def read_objects(name):
    with open(name, encoding="utf-8") as stream:
        text = stream.read()
    try:
        return [json.loads(text)]
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines()]


def explain(error):
    # Of many alternatives, what is wrong with the one that is meant.
    best = jsonschema.exceptions.best_match([error])
    return f"{list(best.absolute_path)}: {best.message[:500]}"


def judge(validator, name):
    try:
        found = read_objects(name)
    except (OSError, json.JSONDecodeError) as error:
        return f"wrong: {error}"
    wrong = [explain(e) for each in found for e in validator.iter_errors(each)]
    if wrong or not found:
        return "wrong: " + (" ".join("; ".join(wrong).split()) or "no object")
    return f"{len(found)} objects"


def main():
    with open(sys.argv[1], encoding="utf-8") as stream:
        schema = json.load(stream)
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    validator = kind(schema)
    for line in sys.stdin:
        print(judge(validator, line.rstrip("\n")), flush=True)


main()
