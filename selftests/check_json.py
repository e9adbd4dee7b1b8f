#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whether each JSON object of standard input is as a schema has it.

    check_json.py SCHEMA

One object on each line, or one in all.  Numbers must be numbers that the schema allows,
and no key may be missing or unknown.
"""
import json
import sys

import jsonschema


def objects(text):
    try:
        return [json.loads(text)]
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines()]


def main():
    with open(sys.argv[1], encoding="utf-8") as stream:
        schema = json.load(stream)
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    validator = kind(schema)
    found = objects(sys.stdin.read())
    for report in found:
        wrong = [e.message[:500] for e in validator.iter_errors(report)]
        if wrong:
            # Of many alternatives, what is wrong with the one that is meant.
            for error in validator.iter_errors(report):
                best = jsonschema.exceptions.best_match([error])
                wrong.append(f"{list(best.absolute_path)}: {best.message[:500]}")
            print("\n".join(wrong))
            return 1
    print(f"{len(found)} objects")
    return 0 if found else 1


sys.exit(main())
